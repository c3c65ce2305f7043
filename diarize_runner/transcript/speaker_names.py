"""Give speakers the names of people, before any format is written.

    SPEAKER_00=Ada
    SPEAKER_01=Bo Li

One name for two labels makes them one speaker: the pipeline may have taken one voice for two.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from diarize_runner.bounds import OutOfBounds, decode_utf8, read_file
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import Attribution, LabelledSegment, LabelledTranscript, LabelledWord

_Labelled = TypeVar("_Labelled", LabelledSegment, LabelledWord)

SpeakerNames = Mapping[str, str]
"""Names by label."""
NO_NAMES: SpeakerNames = {}
MAX_NAME_LENGTH = 255
"""Characters, as in RTTM files."""
_HINT = "write LABEL=NAME, such as SPEAKER_00=Ada"


def rename_speakers(labelled: LabelledTranscript, names: SpeakerNames) -> LabelledTranscript:
    """Return the transcript and its diarization with `names` in place of their labels."""
    if not names:
        return labelled
    segments = tuple(_rename_segment(segment, names) for segment in labelled.segments)
    return replace(labelled, segments=segments, diarization=_rename_diarization(labelled.diarization, names))


def parse_name(text: str) -> tuple[str, str]:
    """Return the label and the name of `LABEL=NAME`; raise ValueError where either is missing or unusable."""
    label, equals, name = (part.strip() for part in text.partition("="))
    if not (label and equals and name):
        raise ValueError(f"{text!r} is not LABEL=NAME")
    if name != one_line(name) or len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"the name of {label} has control characters, or more than {MAX_NAME_LENGTH} characters")
    return label, name


def read_names(path: Path) -> SpeakerNames:
    """Return the names in a file: lines of `LABEL=NAME`, of which `#` begins a comment, or a JSON object.

    Raises:
        UsageError: the file cannot be read, a line is invalid, or a label occurs twice.
    """
    try:
        return collect_names(map(parse_name, _list_entries(decode_utf8(read_file(path)))))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except (OutOfBounds, ValueError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise UsageError(f"{path}: {error}", hint=_HINT) from error


def collect_names(pairs: Iterable[tuple[str, str]]) -> SpeakerNames:
    """Return the names by label; raise ValueError where a label has two."""
    names: dict[str, str] = {}
    for label, name in pairs:
        if names.setdefault(label, name) != name:
            raise ValueError(f"{label} has two names, {names[label]} and {name}")
    return names


def _list_entries(text: str) -> list[str]:
    if not text.lstrip().startswith("{"):
        return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if not all(isinstance(name, str) for name in document.values()):
        raise ValueError("is JSON, but not an object of names by label")
    return [f"{label}={name}" for label, name in document.items()]


def _rename_diarization(diarization: Diarization, names: SpeakerNames) -> Diarization:
    turns, exclusive = _rename_turns(diarization.turns, names), _rename_turns(diarization.exclusive_turns, names)
    return replace(diarization, turns=turns, exclusive_turns=exclusive)


def _rename_turns(turns: Iterable[SpeakerTurn], names: SpeakerNames) -> tuple[SpeakerTurn, ...]:
    return tuple(sorted(replace(turn, speaker=names.get(turn.speaker, turn.speaker)) for turn in turns))


def _rename_segment(segment: LabelledSegment, names: SpeakerNames) -> LabelledSegment:
    words = tuple(_rename(word, names) for word in segment.words)
    return replace(_rename(segment, names), words=words)


def _rename(labelled: _Labelled, names: SpeakerNames) -> _Labelled:
    speaker = None if labelled.speaker is None else names.get(labelled.speaker, labelled.speaker)
    return replace(labelled, speaker=speaker, attribution=_rename_others(labelled.attribution, speaker, names))


def _rename_others(attribution: Attribution | None, speaker: str | None, names: SpeakerNames) -> Attribution | None:
    if attribution is None:
        return None
    others = dict.fromkeys(names.get(label, label) for label in attribution.also)
    return replace(attribution, also=tuple(other for other in others if other != speaker))
