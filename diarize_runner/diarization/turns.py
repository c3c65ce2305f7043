"""Speaker turns and speaker hints, without types of any framework."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from diarize_runner.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class SpeakerTurn:
    """One speaker speaking without a break.

    Turns sort by start, end, then speaker.
    """

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording; never before `start`."""
    speaker: str
    """A label such as `SPEAKER_00`, unique within one recording."""

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a speaker turn cannot run from {self.start} s to {self.end} s")

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True, slots=True)
class Diarization:
    """The speaker turns of one recording."""

    uri: str
    """The recording's name in RTTM and JSON."""
    turns: tuple[SpeakerTurn, ...]
    """Every turn, overlaps included, in order."""
    exclusive_turns: tuple[SpeakerTurn, ...]
    """At most one speaker at a time, in order; transcripts are labelled with these."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Every label, sorted."""
        return tuple(sorted({turn.speaker for turn in self.turns}))


def uri_from_stem(stem: str) -> str:
    """Return a recording's name in results: its file stem, with each blank and lone surrogate replaced by `_`.

    Undecodable bytes of a file name become lone surrogates, which result files cannot encode.
    """
    return re.sub(r"[\s\ud800-\udfff]", "_", stem)


SPEECH = "SPEECH"
"""The only speaker in the result of speech detection."""


MAX_SPEAKERS = 127
"""pyannote numbers speakers with int8: https://github.com/pyannote/pyannote-audio/blob/4.0.7/src/pyannote/audio/pipelines/clustering.py#L133"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerHints:
    """The known number of speakers, or its bounds."""

    exactly: int | None = None
    at_least: int | None = None
    at_most: int | None = None

    def require_possible(self) -> None:
        """Raise UsageError when the hints require more speakers than pyannote can number."""
        required = max(self.exactly or 0, self.at_least or 0)
        if required > MAX_SPEAKERS:
            raise UsageError(f"{required} speakers are too many", hint=f"give {MAX_SPEAKERS} at most, or no number")

    def unmet_by(self, diarization: Diarization) -> str:
        """Describe how a diarization misses the hints; return an empty string if it meets them.

        A pipeline cannot meet hints if a recording is too short for enough clusters.
        """
        found = len(diarization.speakers)
        least, most = self.exactly or self.at_least or 0, self.exactly or self.at_most
        if least <= found and (most is None or found <= most):
            return ""
        requested = f"{least} or more" if found < least else f"{most} or fewer"
        return f"{found} found, {self.exactly or requested} requested"


NO_HINTS = SpeakerHints()


def rename_by_first_appearance(uri: str, turns: Iterable[SpeakerTurn], exclusive: Iterable[SpeakerTurn]) -> Diarization:
    """Sort the turns and rename speakers in order of appearance: `SPEAKER_00`, `SPEAKER_01`, and so on.

    Cluster numbers are arbitrary; these names do not depend on them. Speakers that occur only in `exclusive` come last.
    """
    turns, exclusive = sorted(turns), sorted(exclusive)
    speakers = dict.fromkeys(turn.speaker for turn in (*turns, *exclusive))
    names = {speaker: f"SPEAKER_{number:02d}" for number, speaker in enumerate(speakers)}
    return Diarization(uri=uri, turns=_rename(turns, names), exclusive_turns=_rename(exclusive, names))


def _rename(turns: Iterable[SpeakerTurn], names: dict[str, str]) -> tuple[SpeakerTurn, ...]:
    renamed = (SpeakerTurn(start=turn.start, end=turn.end, speaker=names[turn.speaker]) for turn in turns)
    return tuple(sorted(renamed))
