"""The same property as tests/unit/transcript/test_hostile_transcripts.py, for as many as an hour takes."""

import sys

from support.hostile_transcripts import tried

TRANSCRIPTS = 100_000


def test_no_hostile_transcript_is_unexpected(tmp_path):
    counts = tried(range(TRANSCRIPTS), tmp_path)

    assert sum(counts.values()) == TRANSCRIPTS
    refused, labelled = counts["refused"], counts["labelled"]
    sys.stdout.write(f"soak: {TRANSCRIPTS:,} transcripts, {refused:,} refused, {labelled:,} labelled, 0 unexpected\n")
