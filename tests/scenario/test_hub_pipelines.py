"""pyannote's gated pipelines, from the requests in this repository to speaker turns on a box without token or network.

The Hub is simulated, and the models are twins with random weights; the requests, the client, the archive, the
restored cache, pyannote and its loading are the real ones.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml
from support.command import ROOT, run, succeed
from support.hub_simulator import HubSimulator, running_hub

pytestmark = pytest.mark.scenario

COMMUNITY_1 = "pyannote/speaker-diarization-community-1"
GATED = {COMMUNITY_1: "auto", "pyannote/speaker-diarization-3.1": "auto", "pyannote/segmentation-3.0": "auto"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A build host with a token, a store, and a box without one."""

    folder: Path
    hub: HubSimulator
    token: str

    @cache  # noqa: B019  # a site lives as long as its tests
    def box(self, name: str) -> Path:
        """Take the request `name` of this repository all the way, once; return the box's cache folder."""
        return self.take(name, request(name))

    def take(self, name: str, request: str) -> Path:
        """Take a request all the way; return the box's cache folder."""
        host, store = self.folder / name, (self.folder / name / "store").as_uri()
        host.mkdir()
        path = host / f"{name}.yaml"
        path.write_text(request)
        online = {"HF_ENDPOINT": self.hub.endpoint, "HF_TOKEN": self.token, "HF_HOME": str(self.folder / "home")}
        build = ["--version", "1.0", "--requirements", ROOT / "requirements/requirements-diarization.txt"]
        succeed("cache", "resolve", path, **online)
        succeed("cache", "build", path, *build, "--out", host / "built", **online)
        succeed("cache", "publish", host / "built", "--store", store)
        succeed("cache", "restore", "--store", store, "--into", host / "box")
        return host / "box"

    @cache  # noqa: B019
    def diarize(self, box: Path) -> subprocess.CompletedProcess:
        """Diarize a few seconds with a box's cache, where nothing can be reached and nobody has a token."""
        return run("diarize", self.folder / "speech.wav", "--cache", box, "--device", "cpu", "--json", isolated=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A Hub with the twins, gated as the real ones are, and an account that was let in."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from support import twins

    folder = tmp_path_factory.mktemp("hub")
    with running_hub() as hub:
        for repo_id, files in twins.twin_repos().items():
            hub.repo(repo_id, files, gated=GATED.get(repo_id, False))
        ada = hub.account("ada", may_read=set(GATED))
        twins.write_speech(folder / "speech.wav", seconds=11)
        yield Site(folder=folder, hub=hub, token=ada.token)
    shutil.rmtree(folder, ignore_errors=True)


def request(name: str) -> str:
    """Return a request of this repository."""
    return (ROOT / "cache_manifests" / f"{name}.yaml").read_text()


PIPELINES = ["community-1", "speaker-diarization-3.1"]


@pytest.mark.parametrize("name", PIPELINES)
def test_a_gated_pipeline_is_diarized_with_on_a_box_without_token_or_network(site, name):
    done = site.diarize(site.box(name))

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["speakers"] == ["SPEAKER_00"]
    assert said["audio_seconds"] == pytest.approx(11)


def test_what_a_request_leaves_out_is_neither_downloaded_nor_missed(site):
    for name in PIPELINES:
        site.box(name)

    assert site.hub.requests("/resolve/")
    left_out = ["diarization.gif", "handler.py", "example.png", ".gitattributes"]
    assert [path for path in left_out if site.hub.requests(path)] == []


def test_pyannote_issue_2044_a_3_1_cache_without_community_1s_plda_cannot_be_loaded_offline(site):
    """https://github.com/pyannote/pyannote-audio/issues/2044."""
    whole = yaml.safe_load(request("speaker-diarization-3.1"))
    assert whole["repos"].pop()["repo_id"] == COMMUNITY_1
    without = site.take("without-plda", yaml.safe_dump({**whole, "name": "without-plda"}, sort_keys=False))

    done = site.diarize(without)

    assert done.returncode == 1
    assert done.stderr.startswith("error: pyannote/speaker-diarization-3.1: the pipeline cannot be loaded: ")
    assert "cannot find the requested files in the local cache" in done.stderr
    assert site.diarize(site.box("speaker-diarization-3.1")).returncode == 0, "with it, it can"
