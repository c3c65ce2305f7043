"""On pyannote's own pipelines, at full size, the exact engine produces the output of stock."""

from functools import cache

import pytest
from support.sites import PIPELINES

pytestmark = pytest.mark.scenario

BOTH_ENGINES = """
import json, sys
from pathlib import Path
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm

cache, recording = open_cache(Path(sys.argv[1]), NoProgress()), decode(Path(sys.argv[2]))
rttm_by_engine = {}
for engine in ("exact", "stock"):
    diarizer = load(cache, "cpu", engine)
    found = [diarizer.diarize(recording, SpeakerHints(exactly=exactly), NoProgress()) for exactly in (None, 2)]
    rttm_by_engine[diarizer.engine] = [rttm.render(each) for each in found]
print(json.dumps(rttm_by_engine))
"""


@cache
def run_both_engines(site, name):
    """Return the RTTM of both engines on a box's pipeline."""
    return site.ask(site.box(name), BOTH_ENGINES)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_exact_engine_writes_the_rttm_of_stock(site, name):
    rttm_by_engine = run_both_engines(site, name)

    assert rttm_by_engine["exact"] == rttm_by_engine["stock"]
    assert all("SPEAKER_00" in rttm for rttm in rttm_by_engine["exact"])
    if name == "community-1":  # 3.1 needs at least twelve chunks for a speaker
        assert "SPEAKER_01" in rttm_by_engine["exact"][1], "only embeddings distinguish the speakers"


ORIGINALS = """
import json, os, sys
from pathlib import Path
home = Path(sys.argv[1])
os.environ |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYANNOTE_METRICS_ENABLED": "0"}
for repo in home.glob("hub/models--*"):
    (commit,) = (repo / "snapshots").iterdir()
    (repo / "refs").mkdir(exist_ok=True)
    (repo / "refs/main").write_text(commit.name)

import torch
from pyannote.audio import Pipeline
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm

recording, rttm_by_name = decode(Path(sys.argv[2])), {}
for name in ("community-1", "speaker-diarization-3.1"):
    full = {"community-1": "speaker-diarization-community-1"}.get(name, name)
    pipeline = Pipeline.from_pretrained(f"pyannote/{full}")
    diarizer = Diarizer(pipeline=pipeline, device="cpu", engine="stock")
    found = [diarizer.diarize(recording, SpeakerHints(exactly=exactly), NoProgress()) for exactly in (None, 2)]
    rttm_by_name[name] = [rttm.render(each) for each in found]
print(json.dumps(rttm_by_name))
"""


def test_stock_produces_the_same_output_from_rewritten_checkpoints_and_originals(site):
    """The originals are in the build host's Hub cache, as huggingface_hub downloaded them."""
    boxes = {name: site.box(name) for name in PIPELINES}

    originals = site.ask(site.folder / "home", ORIGINALS)

    checkpoints = {file.read_bytes() for file in (site.folder / "home").rglob("pytorch_model.bin")}
    for name, box in boxes.items():
        rewritten = {file.read_bytes() for file in box.rglob("current/**/pytorch_model.bin")}
        assert rewritten, "the cache has checkpoints"
        assert not rewritten & checkpoints, "none of them is an original"
        assert run_both_engines(site, name)["stock"] == originals[name]
