"""Whatever a transcript or an RTTM file holds, it is labelled in every format, or refused with what is wrong."""

import resource
import time

from support.hostile_transcripts import SEEDS, hostile, tried

TRANSCRIPTS = 2_000
_MIB = 1 << 10
"""Of what getrusage counts."""


def test_two_thousand_hostile_transcripts_are_labelled_or_refused(tmp_path):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    counts = tried(range(TRANSCRIPTS), tmp_path)

    assert sum(counts.values()) == TRANSCRIPTS
    assert min(counts.values()) > TRANSCRIPTS / 5, "the negative control: some are refused and some are not"
    assert time.process_time() - began < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * _MIB


def test_the_transcripts_are_many_and_come_out_the_same_again():
    made = [hostile(number) for number in range(200)]
    assert made == [hostile(number) for number in range(200)]
    assert len({one.transcript for one in made}) > 150
    assert {one.name.rpartition(" ")[2] for one in made} == {path.name for path in SEEDS}
    assert {path.suffix for path in SEEDS} == {".json", ".srt", ".vtt", ".stm"}
