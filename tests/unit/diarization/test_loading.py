"""A pipeline loads from verified bytes and ignores the working folder; runs in its own process."""

import json
import subprocess
import sys

import pytest
import torch
from support.pickles import as_zip, call
from support.small_pipelines import COMMUNITY_1, SEGMENTATION, VOICES, restored

SCRIPT = """
import json, sys
from pathlib import Path
from diarize_runner.cache.box.folder import read_manifest
from diarize_runner.cache.box.verify import verify
from diarize_runner.diarization import engine
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.progress import NoProgress

root = Path(sys.argv[1])
cache = verify(root, read_manifest(root), NoProgress()).require_ok()
marker = Path("ran")
diarizer = engine.load(cache, "cpu", "stock")
report = {
    "ran": marker.exists(),
    "segmentation": float(diarizer.pipeline._segmentation.model.classifier.bias[0]),
    "psi": float(diarizer.pipeline._plda._plda_psi.max()),
    "embedding model": str(diarizer.embedding_model),
    "checkpoints": {
        f"{repo.repo_id}/{file.path}": str(file.content.digest) for repo in cache.manifest.repos for file in repo.files
    },
}

from pyannote.audio import Model, Pipeline
from pyannote.audio.core.plda import PLDA
try:
    Pipeline.from_pretrained(str(cache.pipeline_folder.absolute()))
except Exception as reason:
    report["pyannote error"] = str(reason)
report["pyannote ran"] = marker.exists()
if marker.exists():
    marker.unlink()
root.chmod(0o777)
try:
    engine.load(cache, "cpu", "stock")
except DiarizeRunnerError as error:
    report["writable by others"] = [type(error).__name__, error.message]
root.chmod(0o755)
for blob in sorted(root.glob("huggingface/hub/models--acme--segmentation/blobs/*")):
    blob.chmod(0o644)
    blob.write_bytes(Path("acme/segmentation/pytorch_model.bin").read_bytes())
try:
    engine.load(cache, "cpu", "stock")
except DiarizeRunnerError as error:
    report["after the swap"] = [type(error).__name__, error.message, marker.exists()]
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The report of a process that loads a cache by a relative path in a hostile folder."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("loading")
    malicious = as_zip(call("touch ran") + b".")
    hostile = folder / "hostile"
    for name in (SEGMENTATION, VOICES):
        (hostile / name).mkdir(parents=True)
        (hostile / name / "pytorch_model.bin").write_bytes(malicious)
    (hostile / COMMUNITY_1 / "plda").mkdir(parents=True)
    restored(folder / "site", mark=42.0).rename(hostile / "cache")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "cache"], cwd=hostile, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_models_in_the_working_folder_are_ignored(loaded):
    assert loaded["segmentation"] == 42.0
    assert not loaded["ran"]


def test_a_plda_missing_from_the_config_loads_from_the_cache(loaded):
    assert loaded["psi"] == pytest.approx(10.0)


def test_the_digest_of_the_embedding_model_is_that_of_its_checkpoint_alone(loaded):
    assert loaded["embedding model"] == loaded["checkpoints"][f"{VOICES}/pytorch_model.bin"]


def test_pyannote_alone_runs_models_in_the_working_folder(loaded):
    """Control."""
    assert loaded["pyannote ran"], loaded


def test_a_checkpoint_that_is_swapped_between_verify_and_load_is_not_loaded(loaded):
    kind, message, ran = loaded["after the swap"]
    assert kind == "IntegrityError"
    assert message.endswith(f" (pytorch_model.bin of {SEGMENTATION}) has changed since it was verified")
    assert not ran


def test_a_cache_that_others_can_write_to_is_not_loaded(loaded):
    kind, message = loaded["writable by others"]
    assert kind == "UntrustedFolder"
    assert message.endswith("/hostile/cache is writable by other users, who could change the models")
