"""A result says when it needs a second look: short recordings, and many speakers."""

import pytest

from diarize_runner.diarization.reliability import reliability_warnings
from diarize_runner.diarization.turns import Diarization, SpeakerTurn

SHORT = "the recording lasts 9.9 s: below 10 s, speakers are often missed"
MANY = "5 speakers found: above 4, check their labels"


def diarization(speakers):
    turns = tuple(SpeakerTurn(start=n, end=n + 1, speaker=f"SPEAKER_{n:02d}") for n in range(speakers))
    return Diarization(uri="call", turns=turns, exclusive_turns=turns)


@pytest.mark.parametrize(
    ("speakers", "seconds", "said"),
    [(4, 10.0, ()), (0, 3600.0, ()), (1, 9.9, (SHORT,)), (5, 10.0, (MANY,)), (5, 9.9, (SHORT, MANY))],
)
def test_warnings_name_short_recordings_and_many_speakers(speakers, seconds, said):
    assert reliability_warnings(diarization(speakers), seconds) == said
