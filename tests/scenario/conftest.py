"""One box for all scenarios: `make demo`, run once per test session as a new user would run it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.sites import running_site

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The output and the folder of `make demo`."""

    folder: Path
    output: str

    @property
    def bin(self) -> Path:
        return self.folder / "box/opt/diarize-runner/current/bin"

    @property
    def cache(self) -> Path:
        return self.folder / "box/var/lib/diarize-runner/cache"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def run_again(self) -> str:
        return make_demo(self.folder)


def make_demo(folder: Path) -> str:
    environment = {**os.environ, "DEMO": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        ["make", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    return Demo(folder=folder, output=make_demo(folder))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("hub")) as running:
        yield running
