"""Read who spoke when, out of NIST RTTM.

    SPEAKER meeting 1 0.000 2.800 <NA> <NA> SPEAKER_00 <NA> <NA>

The fields are: type, file, channel, onset and duration in seconds, orthography, subtype, name, confidence and
look-ahead; older files lack the last. Lines of NIST's other types, comments (`;;`) and blank lines are passed over.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from reprlib import repr as shortened

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.errors import RttmError

_LINE = "an RTTM line reads: SPEAKER file 1 onset duration <NA> <NA> name <NA> <NA>"
_WORDS = {"LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "IP", "SU", "CB", "A/P"}
_OTHER_TYPES = _WORDS | {"SEGMENT", "NOSCORE", "NO_RT_METADATA", "SPKR-INFO"}
_FEWEST_FIELDS, _MOST_FIELDS = 9, 10


def read_rttm(path: Path) -> dict[str, tuple[SpeakerTurn, ...]]:
    """Return the turns of each recording, overlaps included, in order of time.

    Raises:
        RttmError: the file cannot be read, a line of it is wrong, or it has no turns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RttmError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise RttmError(f"{path} is not text in UTF-8", hint=_LINE) from error
    turns_of: dict[str, list[SpeakerTurn]] = {}
    for recording, turn in _turns(text, path):
        turns_of.setdefault(recording, []).append(turn)
    if not turns_of:
        raise RttmError(f"{path} has no speaker turns", hint=_LINE)
    return {recording: tuple(sorted(turns)) for recording, turns in turns_of.items()}


def _turns(text: str, path: Path) -> Iterator[tuple[str, SpeakerTurn]]:
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split()
        if not fields or line.startswith(";;") or fields[0] in _OTHER_TYPES:
            continue
        try:
            yield fields[1] if len(fields) > 1 else "", _turn(fields)
        except ValueError as fault:
            raise RttmError(f"{path}, line {number}: {fault}", hint=_LINE) from fault


def _turn(fields: list[str]) -> SpeakerTurn:
    if fields[0] != "SPEAKER":
        raise ValueError(f"begins with {shortened(fields[0])}, not with SPEAKER")
    if not _FEWEST_FIELDS <= len(fields) <= _MOST_FIELDS:
        raise ValueError(f"{len(fields)} fields, not {_MOST_FIELDS}; names have no blanks")
    start, duration = _seconds(fields[3], "onset"), _seconds(fields[4], "duration")
    return SpeakerTurn(start=start, end=start + duration, speaker=fields[7])


def _seconds(text: str, name: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"the {name} is not a time in seconds: {shortened(text)}")
    return seconds
