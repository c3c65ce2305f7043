"""pyannote's own pipelines, as large as they are, say through the exact engine what they say through stock."""

import pytest
from support.sites import PIPELINES

pytestmark = pytest.mark.scenario

BOTH = """
import json, sys
from pathlib import Path
from diarize_runner.cli.options import verified_cache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import load
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats import rttm

cache, recording = verified_cache(Path(sys.argv[1]), Silent()), decode(Path(sys.argv[2]))
said = {}
for engine in ("exact", "stock"):
    diarizer = load(cache, "cpu", engine)
    found = [diarizer.diarize(recording, SpeakerHints(exactly=exactly), Silent()) for exactly in (None, 2)]
    said[diarizer.engine] = [rttm.render(each) for each in found]
print(json.dumps(said))
"""


@pytest.mark.parametrize("name", PIPELINES)
def test_the_exact_engine_writes_the_rttm_of_stock(site, name):
    said = site.ask(site.box(name), BOTH)

    assert said["exact"] == said["stock"]
    assert all("SPEAKER_00" in rttm for rttm in said["exact"])
    if name == "community-1":  # 3.1 makes no speaker of less than twelve chunks
        assert "SPEAKER_01" in said["exact"][1], "which only their embeddings tell apart"
