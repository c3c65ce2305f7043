"""Read who spoke when, out of NIST RTTM.

    SPEAKER meeting 1 0.000 2.800 <NA> <NA> SPEAKER_00 <NA> <NA>

The fields are: type, file, channel, onset and duration in seconds, orthography, subtype, name, confidence and
look-ahead; older files lack the last. Lines of NIST's other types, comments (`;;`) and blank lines are passed over.
"""

import math
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from reprlib import repr as shortened

from diarize_runner.bounds import DAYS, OutOfBounds, decoded, read_file, require_few_values, within_recording
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.errors import RttmError

MOST_TURNS = 100_000
"""Speaker turns of one recording: three a second for 8 hours."""
MOST_SPEAKERS = 1_000
MOST_OVERLAPPING = 1_000_000
"""Voices in all stretches in which several speak, counted once for each stretch."""
LONGEST_NAME = 255
"""Characters, as many as a file's name can have."""
_LINE = "an RTTM line reads: SPEAKER file 1 onset duration <NA> <NA> name <NA> <NA>"
_LARGE = "check that it says who spoke when in recordings that somebody heard"
_WORDS = {"LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "IP", "SU", "CB", "A/P"}
_OTHER_TYPES = _WORDS | {"SEGMENT", "NOSCORE", "NO_RT_METADATA", "SPKR-INFO"}
_FEWEST_FIELDS, _MOST_FIELDS = 9, 10


def read_rttm(path: Path) -> dict[str, tuple[SpeakerTurn, ...]]:
    """Return the turns of each recording, overlaps included, in order of time.

    Raises:
        RttmError: the file cannot be read, a line of it is wrong, it has no turns, or exceeds a bound.
    """
    try:
        text = decoded(read_file(path))
        require_few_values(text, separators="\n")
    except OSError as error:
        raise RttmError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise RttmError(f"{path} is not text in UTF-8", hint=_LINE) from error
    except OutOfBounds as error:
        raise RttmError(f"{path}: {error}", hint=_LARGE) from error
    turns_of: dict[str, list[SpeakerTurn]] = {}
    for recording, turn in _turns(text, path):
        turns_of.setdefault(recording, []).append(turn)
    if not turns_of:
        raise RttmError(f"{path} has no speaker turns", hint=_LINE)
    for recording, turns in turns_of.items():
        _require_bounded(turns, f"{path}, recording {recording}")
    return {recording: tuple(sorted(turns)) for recording, turns in turns_of.items()}


def _turns(text: str, path: Path) -> Iterator[tuple[str, SpeakerTurn]]:
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split(maxsplit=_MOST_FIELDS)
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
    if not within_recording(start + duration):
        raise ValueError(f"the turn ends after {start + duration:g} s, and no recording lasts longer than {DAYS} days")
    if max(len(fields[1]), len(fields[7])) > LONGEST_NAME:
        raise ValueError(f"a name has more than {LONGEST_NAME} characters")
    return SpeakerTurn(start=start, end=start + duration, speaker=fields[7])


def _require_bounded(turns: list[SpeakerTurn], place: str) -> None:
    speakers = len({turn.speaker for turn in turns})
    if len(turns) > MOST_TURNS or speakers > MOST_SPEAKERS:
        counted, most = f"{len(turns):,} turns of {speakers:,} speakers", f"{MOST_TURNS:,} of {MOST_SPEAKERS:,}"
        raise RttmError(f"{place}: {counted}, more than {most}", hint=_LARGE)
    changes = sorted([(turn.start, 1) for turn in turns] + [(turn.end, -1) for turn in turns])
    at_once = list(accumulate(step for _, step in changes))
    if sum(voices for voices in at_once if voices > 1) > MOST_OVERLAPPING:
        raise RttmError(f"{place}: up to {max(at_once):,} turns overlap, which are too many", hint=_LARGE)


def _seconds(text: str, name: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"the {name} is not a time in seconds: {shortened(text)}")
    return seconds
