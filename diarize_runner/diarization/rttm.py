"""Read speaker turns from NIST RTTM.

    SPEAKER meeting 1 0.000 2.800 <NA> <NA> SPEAKER_00 <NA> <NA>

The fields are: type, file, channel, onset and duration in seconds, orthography, subtype, name, confidence and
look-ahead; older files lack the last. Lines of other NIST types, comments (`;;`) and blank lines are skipped.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from reprlib import repr as shortened

from diarize_runner.bounds import (
    MAX_RECORDING_DAYS,
    OutOfBounds,
    check_value_count,
    decode_utf8,
    is_recording_time,
    read_file,
)
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.errors import RttmError

MAX_TURNS = 100_000
"""Speaker turns per recording: three per second for 8 hours."""
MAX_SPEAKERS = 1_000
MAX_OVERLAPPING_VOICES = 1_000_000
"""Sum of the voices over all overlap regions of a recording."""
MAX_NAME_LENGTH = 255
"""Characters, as in a file name."""
_FORMAT_HINT = "write each line as: SPEAKER file 1 onset duration <NA> <NA> name <NA> <NA>"
_BOUND_HINT = "check that the file was written correctly"
_WORD_TYPES = {"LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "IP", "SU", "CB", "A/P"}
_OTHER_TYPES = _WORD_TYPES | {"SEGMENT", "NOSCORE", "NO_RT_METADATA", "SPKR-INFO"}
_MIN_FIELDS, _MAX_FIELDS = 9, 10


def read_rttm(path: Path) -> dict[str, tuple[SpeakerTurn, ...]]:
    """Return the turns of each recording, overlaps included, in time order; none if nobody speaks in any.

    Raises:
        RttmError: the file cannot be read, a line is invalid, or a bound is exceeded.
    """
    try:
        text = decode_utf8(read_file(path))
        check_value_count(text, separators="\n")
    except OSError as error:
        raise RttmError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        hint = f"convert it to UTF-8: iconv -f ENCODING -t UTF-8 {path} > CONVERTED"
        raise RttmError(f"{path} is not text in UTF-8", hint=hint) from error
    except OutOfBounds as error:
        raise RttmError(f"{path}: {error}", hint=_BOUND_HINT) from error
    turns_of: dict[str, list[SpeakerTurn]] = {}
    for recording, turn in _turns(text, path):
        turns_of.setdefault(recording, []).append(turn)
    for recording, turns in turns_of.items():
        require_bounded(turns, f"{path}, recording {recording}")
    return {recording: tuple(sorted(turns)) for recording, turns in turns_of.items()}


def _turns(text: str, path: Path) -> Iterator[tuple[str, SpeakerTurn]]:
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split(maxsplit=_MAX_FIELDS)
        if not fields or line.startswith(";;") or fields[0] in _OTHER_TYPES:
            continue
        try:
            yield fields[1] if len(fields) > 1 else "", _turn(fields)
        except ValueError as fault:
            raise RttmError(f"{path}, line {number}: {fault}", hint=_FORMAT_HINT) from fault


def _turn(fields: list[str]) -> SpeakerTurn:
    if fields[0] != "SPEAKER":
        raise ValueError(f"begins with {shortened(fields[0])}, not with SPEAKER")
    if not _MIN_FIELDS <= len(fields) <= _MAX_FIELDS:
        raise ValueError(f"{len(fields)} fields, not {_MAX_FIELDS}; names cannot contain blanks")
    start, duration = _seconds(fields[3], "onset"), _seconds(fields[4], "duration")
    if not is_recording_time(start + duration):
        raise ValueError(f"the turn ends at {start + duration:g} s, beyond the limit of {MAX_RECORDING_DAYS} days")
    if max(len(fields[1]), len(fields[7])) > MAX_NAME_LENGTH:
        raise ValueError(f"a name has more than {MAX_NAME_LENGTH} characters")
    return SpeakerTurn(start=start, end=start + duration, speaker=fields[7])


def require_bounded(turns: Sequence[SpeakerTurn], place: str) -> None:
    """Raise RttmError, which names `place`, if a recording has too many turns, speakers or overlapping turns."""
    speakers = len({turn.speaker for turn in turns})
    if len(turns) > MAX_TURNS or speakers > MAX_SPEAKERS:
        counts, limits = f"{len(turns):,} turns, {speakers:,} speakers", f"{MAX_TURNS:,} and {MAX_SPEAKERS:,}"
        raise RttmError(f"{place}: {counts}; the limits are {limits}", hint=_BOUND_HINT)
    changes = sorted([(turn.start, 1) for turn in turns] + [(turn.end, -1) for turn in turns])
    at_once = list(accumulate(step for _, step in changes))
    if sum(voices for voices in at_once if voices > 1) > MAX_OVERLAPPING_VOICES:
        raise RttmError(f"{place}: up to {max(at_once):,} turns overlap, which is too many", hint=_BOUND_HINT)


def _seconds(text: str, name: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"the {name} is not a time in seconds: {shortened(text)}")
    return seconds
