"""NIST RTTM: one line for each speaker turn, overlaps included.

    SPEAKER meeting 1 0.000 2.800 <NA> <NA> SPEAKER_00 <NA> <NA>

The fields are: type, file, channel, onset, duration, orthography, subtype, name, confidence, look-ahead; onset and
duration are in seconds. Whitespace separates fields and cannot be quoted, so `_` replaces it in names, and `<NA>` an
empty name. All else is byte for byte what pyannote.core writes.

Specified in the RT-09 evaluation plan, appendix A:
https://web.archive.org/web/20170119114252/http://www.itl.nist.gov/iad/mig/tests/rt/2009/docs/rt09-meeting-eval-plan-v2.pdf
"""

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats.fields import field


def render(diarization: Diarization) -> str:
    """Write one line for each turn, in order."""
    return "".join(_line(field(diarization.uri), turn) for turn in diarization.turns)


def _line(uri: str, turn: SpeakerTurn) -> str:
    speaker = field(turn.speaker)
    return f"SPEAKER {uri} 1 {turn.start:.3f} {turn.duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
