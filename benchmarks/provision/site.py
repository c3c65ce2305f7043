"""Publish the store to provision from, and write the manual set-up's requirements."""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.restore.methods import run

ROOT = Path(__file__).resolve().parents[2]
VERSION, PYTHON = "1.0", "3.11"
"""The Python of Debian 12."""
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diarize-runner-tests/version-with-images"
"""So that pip fetches 3 GB of wheels, and mksquashfs packs them, only once."""
_CACHE = (sys.executable, "-m", "diarize_runner", "cache")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A folder with a store in it."""

    work: Path

    @property
    def store(self) -> Path:
        """The published store, with models, packages and toolkit."""
        return self.work / "store"

    @property
    def bytes_of_wheels(self) -> int:
        """The size of all wheels that a host fetches."""
        return sum(wheel.stat().st_size for wheel in self.store.glob("wheels/sha256/*/*.whl"))

    @property
    def bytes_of_images(self) -> int:
        """The size of the images that a host fetches in place of most wheels."""
        return sum(image.stat().st_size for image in self.store.glob("environments/sha256/*/*.squashfs"))


def make_site(work: Path) -> Site:
    """Publish a version of the embedded cache, with its wheels and images."""
    site = Site(work=work)
    build_version()
    run([*_CACHE, "publish", str(KEPT), "--store", site.store.as_uri()])
    return site


def build_version() -> None:
    """Build the version in `KEPT`; wheels and images that it already has are kept."""
    run([str(ROOT / "scripts/pack-toolkit.sh")])
    (toolkit,) = (ROOT / "dist").glob("*.whl")
    options = ["--version", VERSION, "--out", str(KEPT), "--with-environment", "--python", PYTHON]
    run([*_CACHE, "build", str(ROOT / "cache_manifests/embedded.yaml"), *options, "--toolkit", str(toolkit)])


def pins(site: Site) -> str:
    """Return requirements without hashes: each package with its version.

    They include the toolkit: a checkpoint of the embedded cache names one of its classes.
    """
    lock = (site.store / f"v{VERSION}/requirements-diarization.txt").read_text(encoding="utf-8")
    (toolkit,) = (ROOT / "dist").glob("*.whl")
    pinned = re.findall(r"^([A-Za-z0-9].*?) *\\?$", lock, re.MULTILINE)
    return "\n".join([*pinned, f"diarize-runner=={toolkit.name.split('-')[1]}", ""])


def transcript(stm: Path) -> str:
    """Convert an STM transcript to WhisperLive's JSON."""
    rows = [line.split(maxsplit=5) for line in stm.read_text(encoding="utf-8").splitlines()]
    return json.dumps({"segments": [{"start": start, "end": end, "text": text} for *_, start, end, text in rows]})
