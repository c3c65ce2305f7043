"""A box that has CAM++ switches back to a cache of release 0.1.0, whose speaker encoder is GE2E."""

import pytest
from support import pipelines
from support.caches import REQUIREMENTS, Site, write_request
from support.old_release import run_old
from support.small_pipelines import repos

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.switch import switch
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.diarization import engine
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import NoProgress
from diarize_runner.version import __version__

SCRIPT = {"ada": [(0.0, 2.5)], "bo": [(2.5, 5.0)]}


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(autouse=True)
def _few_blocks():
    with pipelines.campplus_of(pipelines.FEW_BLOCKS):
        yield


@pytest.fixture
def site(tmp_path):
    """A box that was upgraded from a version of 0.1.0 with GE2E to one of this release with CAM++."""
    site = Site(folder=tmp_path / "site")
    publish_with_old_release(tmp_path / "old", clean(repos(pipelines.ge2e())), site.store)
    site.restore("1.0")
    site.publish("2.0", repos(pipelines.campplus()))
    site.restore("2.0")
    return site


def clean(files):
    """Rewrite the checkpoints: 0.1.0 wrote clean ones from wheels, but copies those of a folder."""
    return {
        repo: {
            path: rewrite(data, conversion=None, allowed=()).data if path.endswith(".bin") else data
            for path, data in of_repo.items()
        }
        for repo, of_repo in files.items()
    }


def publish_with_old_release(folder, files, store):
    folder.mkdir()
    request = write_request(folder, files)
    (folder / "requirements.txt").write_bytes(REQUIREMENTS)
    build = ("--version", "1.0", "--out", folder / "built", "--requirements", folder / "requirements.txt")
    for command in (
        ("resolve", request),
        ("build", request, *build),
        ("publish", folder / "built", "--store", store.url),
    ):
        code, output = run_old("cache", *command)
        assert code == 0, output


def diarized(site):
    """Diarize with the box's current version; return who made it, the class of its encoder, and the result."""
    cache = open_cache(site.box.root, NoProgress())
    diarizer = engine.load(cache, "cpu")
    encoder = type(diarizer.pipeline._embedding.model_).__name__
    assert diarizer.engine == {"GE2EEncoder": "exact", "CAMPlusPlus": "fast"}[encoder]
    recording = Recording(uri="call", waveform=pipelines.recording(SCRIPT, 5 * pipelines.RATE).numpy())
    diarization = diarizer.diarize(recording, SpeakerHints(), NoProgress())
    return cache.manifest.created_by, encoder, diarization


def test_a_switch_back_diarizes_with_ge2e_and_a_second_switch_with_campplus(site):
    upgraded = diarized(site)
    switch(site.box, None, NoProgress())
    back = diarized(site)
    switch(site.box, None, NoProgress())
    again = diarized(site)

    assert (upgraded[:2], back[:2]) == (
        (f"diarize-runner {__version__}", "CAMPlusPlus"),
        ("diarize-runner 0.1.0", "GE2EEncoder"),
    )
    assert again == upgraded
    assert upgraded[2].turns
    assert back[2].turns
