"""Who spoke when, and what was known of the speakers before: free of any framework's types."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class SpeakerTurn:
    """One speaker, speaking without a break.

    Order is by start, then end, then speaker.
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
    """At most one speaker at a time, in order: what a transcript is labelled with."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Every label, sorted."""
        return tuple(sorted({turn.speaker for turn in self.turns}))


def uri_of(stem: str) -> str:
    """Return the name that a recording's results go by: its file's, with `_` for each blank and each lone surrogate.

    Bytes of a file's name that are no text come as lone surrogates, which no file of results can hold.
    """
    return re.sub(r"[\s\ud800-\udfff]", "_", stem)


SPEECH = "SPEECH"
"""The one speaker of a diarization that only says when anybody spoke."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerHints:
    """What is known beforehand of the number of speakers."""

    exactly: int | None = None
    at_least: int | None = None
    at_most: int | None = None

    def unmet_by(self, diarization: Diarization) -> str:
        """Say in words what a diarization does not keep to; nothing if it does.

        A pipeline takes hints as far as the recording has voices enough to group: too short a one has not.
        """
        found = len(diarization.speakers)
        least, most = self.exactly or self.at_least or 0, self.exactly or self.at_most
        if least <= found and (most is None or found <= most):
            return ""
        wanted = f"{least} or more" if found < least else f"{most} or fewer"
        return f"{found} found, though {self.exactly or wanted} were asked for"


NO_HINTS = SpeakerHints()


def named_by_first_appearance(uri: str, turns: Iterable[SpeakerTurn], exclusive: Iterable[SpeakerTurn]) -> Diarization:
    """Order the turns and call the first speaker heard `SPEAKER_00`, the next `SPEAKER_01`, and so on.

    A clustering numbers its clusters as it likes; names that follow the recording stay the same
    when only the numbering changes. A speaker that only `exclusive` knows is named last.
    """
    turns, exclusive = sorted(turns), sorted(exclusive)
    heard = dict.fromkeys(turn.speaker for turn in (*turns, *exclusive))
    names = {speaker: f"SPEAKER_{number:02d}" for number, speaker in enumerate(heard)}
    return Diarization(uri=uri, turns=_renamed(turns, names), exclusive_turns=_renamed(exclusive, names))


def _renamed(turns: Iterable[SpeakerTurn], names: dict[str, str]) -> tuple[SpeakerTurn, ...]:
    renamed = (SpeakerTurn(start=turn.start, end=turn.end, speaker=names[turn.speaker]) for turn in turns)
    return tuple(sorted(renamed))
