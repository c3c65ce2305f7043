"""A build host with a token, a store, and boxes without token; the Hub is simulated, with twins as models."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.command import ROOT, closed_port, run, succeed, without_network
from support.hub_simulator import HubSimulator, running_hub

PIPELINES = ["community-1", "speaker-diarization-3.1"]
"""Requests of this repository."""
COMMUNITY_1 = "pyannote/speaker-diarization-community-1"
GATED = {COMMUNITY_1: "auto", "pyannote/speaker-diarization-3.1": "auto", "pyannote/segmentation-3.0": "auto"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A build host with a token, a store, and boxes without token."""

    folder: Path
    hub: HubSimulator
    token: str

    @cache  # noqa: B019  # a site lives as long as its tests
    def box(self, name: str) -> Path:
        """Build, publish and restore the request `name` of this repository, once; return the box's cache folder."""
        return self.take(name, request(name))

    def take(self, name: str, request: str) -> Path:
        """Resolve, build, publish and restore a request; return the box's cache folder."""
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

    def ask(self, box: Path, script: str) -> dict:
        """Run a script without a network, with a box's cache folder and the path of a recording as arguments.

        Return the JSON document in the last line of its stdout, and its stderr as `stderr`.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING_FACE_"))}
        environment = {**clean, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}
        command = [*without_network(), sys.executable, "-c", script, str(box), str(self.folder / "speech.wav")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr}

    @cache  # noqa: B019
    def diarize(self, box: Path) -> subprocess.CompletedProcess:
        """Diarize a few seconds with a box's cache, without a network and a token."""
        return run("diarize", self.folder / "speech.wav", "--cache", box, "--device", "cpu", "--json", isolated=True)


def request(name: str) -> str:
    """Return a request of this repository."""
    return (ROOT / "cache_manifests" / f"{name}.yaml").read_text()


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Yield a site whose Hub has the twins, gated like the real models, and an account with access."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from support import twins

    with running_hub() as hub:
        for repo_id, files in twins.twin_repos().items():
            hub.repo(repo_id, files, gated=GATED.get(repo_id, False))
        ada = hub.account("ada", may_read=set(GATED))
        twins.write_speech(folder / "speech.wav", seconds=11)
        yield Site(folder=folder, hub=hub, token=ada.token)
    shutil.rmtree(folder, ignore_errors=True)
