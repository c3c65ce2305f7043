"""A pipeline is loaded from the verified bytes, whatever lies in the working folder; in a process of its own."""

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
from diarize_runner.progress import Silent

root = Path(sys.argv[1])
cache = verify(root, read_manifest(root), Silent()).require_ok()
ran = Path("ran")
diarizer = engine.load(cache, "cpu", "stock")
said = {
    "ran": ran.exists(),
    "segmentation": float(diarizer.pipeline._segmentation.model.classifier.bias[0]),
    "psi": float(diarizer.pipeline._plda._plda_psi.max()),
}

from pyannote.audio import Model, Pipeline
from pyannote.audio.core.plda import PLDA
try:
    Pipeline.from_pretrained(str(cache.pipeline_folder.absolute()))
except Exception as reason:
    said["pyannote says"] = str(reason)
said["pyannote ran"] = ran.exists()
if ran.exists():
    ran.unlink()
root.chmod(0o777)
try:
    engine.load(cache, "cpu", "stock")
except DiarizeRunnerError as error:
    said["where others write"] = [type(error).__name__, error.message]
root.chmod(0o755)
for blob in sorted(root.glob("huggingface/hub/models--acme--segmentation/blobs/*")):
    blob.chmod(0o644)
    blob.write_bytes(Path("acme/segmentation/pytorch_model.bin").read_bytes())
try:
    engine.load(cache, "cpu", "stock")
except DiarizeRunnerError as error:
    said["after the swap"] = [type(error).__name__, error.message, ran.exists()]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """What one process says that loaded a cache in a hostile folder, by a relative path."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("loading")
    evil = as_zip(call("touch ran") + b".")
    hostile = folder / "hostile"
    for name in (SEGMENTATION, VOICES):
        (hostile / name).mkdir(parents=True)
        (hostile / name / "pytorch_model.bin").write_bytes(evil)
    (hostile / COMMUNITY_1 / "plda").mkdir(parents=True)
    restored(folder / "site", mark=42.0).rename(hostile / "cache")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "cache"], cwd=hostile, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_models_of_the_working_folder_are_not_taken_for_those_of_the_cache(loaded):
    assert loaded["segmentation"] == 42.0
    assert not loaded["ran"]


def test_a_plda_that_the_config_does_not_name_comes_out_of_the_cache(loaded):
    assert loaded["psi"] == pytest.approx(10.0)


def test_pyannote_alone_would_have_run_what_lies_in_the_working_folder(loaded):
    """The control."""
    assert loaded["pyannote ran"], loaded


def test_a_checkpoint_that_is_swapped_between_verify_and_load_is_not_loaded(loaded):
    kind, message, ran = loaded["after the swap"]
    assert kind == "IntegrityError"
    assert message.endswith(f"is pytorch_model.bin of {SEGMENTATION}, and has changed since it was verified")
    assert not ran


def test_a_cache_that_others_can_write_to_is_not_loaded(loaded):
    kind, message = loaded["where others write"]
    assert kind == "UntrustedFolder"
    assert message.endswith("/hostile/cache can be written by others, who could change the models")
