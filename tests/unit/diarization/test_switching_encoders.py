"""A box that has CAM++ switches back to a cache whose speaker encoder is GE2E, as embedded caches had until 0.2.0."""

import pytest
from support import pipelines
from support.caches import Site
from support.small_pipelines import repos

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.switch import switch
from diarize_runner.diarization import engine
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import NoProgress

SCRIPT = {"ada": [(0.0, 2.5)], "bo": [(2.5, 5.0)]}


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture
def site(tmp_path):
    """A box that was upgraded from GE2E to CAM++."""
    site = Site(folder=tmp_path / "site")
    for version, encoder in (("1.0", pipelines.ge2e()), ("2.0", pipelines.campplus())):
        site.publish(version, repos(encoder))
        site.restore(version)
    return site


def diarized(site):
    """Diarize with the box's current version; return its version, the class of its encoder, and the result."""
    cache = open_cache(site.box.root, NoProgress())
    diarizer = engine.load(cache, "cpu")
    assert diarizer.engine == "exact"
    recording = Recording(uri="call", waveform=pipelines.recording(SCRIPT, 5 * pipelines.RATE).numpy())
    diarization = diarizer.diarize(recording, SpeakerHints(), NoProgress())
    return cache.manifest.version, type(diarizer.pipeline._embedding.model_).__name__, diarization


def test_a_switch_back_diarizes_with_ge2e_and_a_second_switch_with_campplus(site):
    upgraded = diarized(site)
    switch(site.box, None, NoProgress())
    back = diarized(site)
    switch(site.box, None, NoProgress())
    again = diarized(site)

    assert (upgraded[:2], back[:2]) == (("2.0", "CAMPlusPlus"), ("1.0", "GE2EEncoder"))
    assert again == upgraded
    assert upgraded[2].turns
    assert back[2].turns
