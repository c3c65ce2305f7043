"""The known issues of the manual setup guide, under the guide's names.

Each test also shows that the issue still occurs without diarize-runner.
"""

import pytest
from support.command import run
from support.sites import COMMUNITY_1, request

pytestmark = pytest.mark.scenario

PROBE = """
import importlib, json, sys, warnings
sys.modules["torchcodec"] = None  # as on a box without FFmpeg's libraries
import torch
from pathlib import Path
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import _pyannote_file, load
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import NoProgress

def refusal(attempt):
    try:
        attempt()
    except Exception as reason:
        return f"{type(reason).__name__}: {reason}"

before = torch.load
cache, recording = open_cache(Path(sys.argv[1]), NoProgress()), decode(Path(sys.argv[2]))
diarizer = load(cache, "cpu")
found = diarizer.diarize(recording, SpeakerHints(), NoProgress())

from pyannote.audio import Pipeline
from pyannote.audio.core import io
checkpoint = cache.pipeline_folder / "segmentation/pytorch_model.bin"
output = diarizer.pipeline(_pyannote_file(recording))
findings = {
    "turns": len(found.turns),
    "torch.load is unchanged": before is torch.load,
    "use_auth_token": refusal(lambda: Pipeline.from_pretrained(cache.pipeline_folder, use_auth_token="hf_x")),
    "weights_only": refusal(lambda: torch.load(checkpoint, weights_only=True)),
    "itertracks": refusal(lambda: output.itertracks()),
}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    importlib.reload(io)
print(json.dumps({**findings, "warned": [str(each.message) for each in warned]}))
"""


@pytest.fixture(scope="module")
def probe(site):
    """The findings of one process on a box with community-1's twin, without torchcodec."""
    return site.ask(site.box("community-1"), PROBE)


def test_issue_1_pyannote_api_change(probe):
    assert "unexpected keyword argument 'use_auth_token'" in probe["use_auth_token"]
    assert probe["turns"] > 0


def test_issue_2_weights_only_default(probe):
    """pyannote loads checkpoints with weights_only=False, so we check every name in them first."""
    assert "Weights only load failed" in probe["weights_only"]
    assert "Unsupported global" in probe["weights_only"]
    assert probe["turns"] > 0
    assert probe["torch.load is unchanged"]


def test_issue_3_torchcodec_warning(probe):
    assert any("torchcodec is not installed correctly" in warning for warning in probe["warned"])
    assert "torchcodec" not in probe["stderr"]


def test_issue_4_403_error_accessing_gated_models(site, tmp_path):
    (tmp_path / "community-1.yaml").write_text(request("community-1"))
    bo = site.hub.account("bo")

    done = run("cache", "resolve", tmp_path / "community-1.yaml", HF_ENDPOINT=site.hub.endpoint, HF_TOKEN=bo.token)

    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {COMMUNITY_1} is gated, and bo has no access\nhint: accept its terms as bo: "
    )
    assert f"/{COMMUNITY_1}" in done.stderr.splitlines()[1]
    assert site.diarize(site.box("community-1")).returncode == 0, "a box needs no account"


def test_issue_5_diarize_output_has_no_itertracks(probe):
    assert probe["itertracks"] == "AttributeError: 'DiarizeOutput' object has no attribute 'itertracks'"
    assert probe["turns"] > 0
