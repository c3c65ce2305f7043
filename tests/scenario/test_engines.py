"""pyannote's own pipelines, as large as they are, say through the exact engine what they say through stock."""

from functools import cache

import pytest
from support.sites import PIPELINES

pytestmark = pytest.mark.scenario

BOTH = """
import json, sys
from pathlib import Path
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats import rttm

cache, recording = open_cache(Path(sys.argv[1]), Silent()), decode(Path(sys.argv[2]))
said = {}
for engine in ("exact", "stock"):
    diarizer = load(cache, "cpu", engine)
    found = [diarizer.diarize(recording, SpeakerHints(exactly=exactly), Silent()) for exactly in (None, 2)]
    said[diarizer.engine] = [rttm.render(each) for each in found]
print(json.dumps(said))
"""


@cache
def both(site, name):
    """Return what both engines say of a box's pipeline, asked once."""
    return site.ask(site.box(name), BOTH)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_exact_engine_writes_the_rttm_of_stock(site, name):
    said = both(site, name)

    assert said["exact"] == said["stock"]
    assert all("SPEAKER_00" in rttm for rttm in said["exact"])
    if name == "community-1":  # 3.1 makes no speaker of less than twelve chunks
        assert "SPEAKER_01" in said["exact"][1], "which only their embeddings tell apart"


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
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats import rttm

recording, said = decode(Path(sys.argv[2])), {}
for name in ("community-1", "speaker-diarization-3.1"):
    full = {"community-1": "speaker-diarization-community-1"}.get(name, name)
    pipeline = Pipeline.from_pretrained(f"pyannote/{full}")
    diarizer = Diarizer(pipeline=pipeline, device="cpu", engine="stock")
    found = [diarizer.diarize(recording, SpeakerHints(exactly=exactly), Silent()) for exactly in (None, 2)]
    said[name] = [rttm.render(each) for each in found]
print(json.dumps(said))
"""


def test_stock_says_the_same_of_rewritten_checkpoints_as_of_the_originals(site):
    """The originals are in the build host's own Hub cache, as huggingface_hub downloaded them."""
    boxes = {name: site.box(name) for name in PIPELINES}

    originals = site.ask(site.folder / "home", ORIGINALS)

    checkpoints = {file.read_bytes() for file in (site.folder / "home").rglob("pytorch_model.bin")}
    for name, box in boxes.items():
        rewritten = {file.read_bytes() for file in box.rglob("current/**/pytorch_model.bin")}
        assert rewritten, "the cache has checkpoints"
        assert not rewritten & checkpoints, "none of them is the original"
        assert both(site, name)["stock"] == originals[name]
