"""The embedded cache with all real wheels (5 GB), built once for all tests, and cached between runs."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diarize-runner-tests"
_PYTHONS = ("--python", "3.11", "--python", "3.13")
"""Those of Debian 12 and 13."""


def real_version():
    """Return the folder of the built version 1.0, with wheels and this toolkit."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built, run = CACHE / "version.run", os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    with _locked(CACHE / "version.lock"):
        if not run or not built.exists() or built.read_text() != run:  # otherwise another worker has built it
            _build()
            built.write_text(run)
    return CACHE / "version"


def _build():
    subprocess.run([ROOT / "scripts/pack-toolkit.sh"], check=True, capture_output=True)
    (toolkit,) = (ROOT / "dist").glob("*.whl")
    command = [Path(sys.executable).with_name("diarize-runner"), "cache", "build", "cache_manifests/embedded.yaml"]
    options = ["--version", "1.0", "--out", CACHE / "version", "--with-wheels", "--toolkit", toolkit, *_PYTHONS]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)


@contextmanager
def _locked(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
