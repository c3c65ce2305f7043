"""Publish synthetic weights and the embedded cache, to a store and as a plain tarball."""

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.restore.methods import run

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "diarize_runner")
MIB = 1 << 20
_REQUEST = "synthetic.yaml"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A folder with a request, a store and a tarball."""

    work: Path
    mib: int
    """Size of the synthetic weights."""
    blobs: int

    @property
    def store(self) -> Path:
        """The published store."""
        return self.work / "store"

    @property
    def classic(self) -> Path:
        """The same tree as a plain tarball: tar and gzip -6."""
        return self.work / "classic.tar.gz"

    def build_folder(self, version: str) -> Path:
        """Return the build folder of a version."""
        return self.work / f"built-{version}"

    @property
    def cache_bytes(self) -> int:
        """Bytes of every blob of version 1.0."""
        manifest = json.loads((self.store / "v1.0/manifest.json").read_text(encoding="utf-8"))
        return sum(blob["size"] for blob in manifest["archive"]["blobs"])


def make_site(work: Path, mib: int, blobs: int) -> Site:
    """Publish version 1.0 of `mib` MiB in `blobs` blobs, and pack the plain tarball."""
    site = Site(work=work, mib=mib, blobs=blobs)
    for index in range(blobs):
        _write_blob(site, index, seed=index)
    _write_request(site)
    _publish(site, "1.0")
    _pack_classic(site)
    return site


def change_one_blob(site: Site) -> int:
    """Publish version 1.1 with one new blob; return the blob's bytes in the archive."""
    digest = _write_blob(site, 0, seed=1000)
    _publish(site, "1.1")
    manifest = json.loads((site.store / "v1.1/manifest.json").read_text(encoding="utf-8"))
    return next(int(span["length"]) for span in manifest["archive"]["blobs"] if span["digest"].endswith(digest))


def _write_blob(site: Site, index: int, *, seed: int) -> str:
    path = site.work / f"files/blob{index}.safetensors"
    path.parent.mkdir(exist_ok=True)
    data = np.random.default_rng(seed).standard_normal(site.mib * MIB // site.blobs // 4, dtype=np.float32).tobytes()
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _write_request(site: Site) -> None:
    manifests = ROOT / "cache_manifests"
    request = yaml.safe_load((manifests / "embedded.yaml").read_text(encoding="utf-8"))
    shutil.copytree(manifests / "embedded", site.work / "embedded")
    names = [f"blob{index}.safetensors" for index in range(site.blobs)]
    weights = {
        "repo_id": "synthetic/weights",
        "revision": "main",
        "licence": "MIT",
        "files": {name: {"local": f"files/{name}"} for name in names},
    }
    request = {**request, "name": "synthetic", "repos": [*request["repos"], weights]}
    (site.work / _REQUEST).write_text(yaml.safe_dump(request, sort_keys=False), encoding="utf-8")


def _publish(site: Site, version: str) -> None:
    request, built = str(site.work / _REQUEST), str(site.build_folder(version))
    requirements = str(ROOT / "requirements/requirements-diarization.txt")
    run([*COMMAND, "cache", "resolve", request])
    run([*COMMAND, "cache", "build", request, "--version", version, "--out", built, "--requirements", requirements])
    run([*COMMAND, "cache", "publish", built, "--store", site.store.as_uri()])


def _pack_classic(site: Site) -> None:
    tree = site.work / "tree"
    tree.mkdir()
    run(["tar", "-xzf", str(site.store / "v1.0/huggingface-cache.tar.gz"), "-C", str(tree)])
    run(["tar", "-czf", str(site.classic), "-C", str(tree), "huggingface"])
    shutil.rmtree(tree)
