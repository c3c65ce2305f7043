"""Any transcript or RTTM file is labelled in every format, or refused with an error that names the fault."""

import resource
import time

import pytest
from support.hostile_transcripts import SEEDS, hostile, label_transcripts

TRANSCRIPTS = 2_000
_MIB = 1 << 10
"""In KiB, the unit of getrusage."""


@pytest.mark.long
def test_two_thousand_hostile_transcripts_are_labelled_or_refused(tmp_path):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    counts = label_transcripts(range(TRANSCRIPTS), tmp_path)

    assert sum(counts.values()) == TRANSCRIPTS
    assert min(counts.values()) > TRANSCRIPTS / 5, "expected both labelled and refused transcripts"
    assert time.process_time() - began < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * _MIB


def test_generated_transcripts_vary_and_are_reproducible():
    made = [hostile(number) for number in range(200)]
    assert made == [hostile(number) for number in range(200)]
    assert len({one.transcript for one in made}) > 150
    assert {one.name.rpartition(" ")[2] for one in made} == {path.name for path in SEEDS}
    assert {path.suffix for path in SEEDS} == {".json", ".srt", ".vtt", ".stm"}
