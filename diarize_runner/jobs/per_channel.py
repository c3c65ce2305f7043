"""Tell speakers apart by channel: in a stereo recording of a call, each side has a channel of its own.

one speaker per channel     speech detection in each channel     CHANNEL_1, CHANNEL_2
several, or not known       diarization in each channel          CHANNEL_1_SPEAKER_00, CHANNEL_1_SPEAKER_01, ...
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from diarize_runner.diarization.channels import channel_label, channel_of
from diarize_runner.diarization.reliability import reliability_warnings
from diarize_runner.diarization.turns import NO_HINTS, SPEECH, Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.progress import Progress
from diarize_runner.transcript.exclusive import make_exclusive, merge_touching

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording
    from diarize_runner.diarization.engine import Diarizer

_SHARED = 0.5
"""Share of the speech that is in several channels at once. In conversations it is about a tenth; if the channels are
copies of each other, or each microphone hears everyone, it is nearly 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PerChannelTask:
    """Find who spoke when in each channel; the audio must be decoded with `EACH` channel alone."""

    name: ClassVar[str] = "diarize per channel"
    hints: SpeakerHints = NO_HINTS
    """The number of speakers in each channel."""

    def run(self, diarizer: "Diarizer", recording: "Recording", progress: Progress) -> Diarization:
        """Return the turns of all channels, in order of time."""
        channels = recording.channels
        turns = list[SpeakerTurn]()
        for index, channel in enumerate(channels):
            advance = _ChannelProgress(progress=progress, index=index, channels=len(channels))
            turns += _label(self._run_one(diarizer, channel, advance), channel_label(index + 1))
        turns.sort()
        return Diarization(uri=recording.uri, turns=tuple(turns), exclusive_turns=make_exclusive(turns))

    def warnings(self, diarization: Diarization, seconds: float) -> tuple[str, ...]:
        """Warn of channels that carry the same speech, and of what is less reliable in one of them."""
        shared, doubts = _shared_speech(diarization.turns), dict[str, None]()
        if shared >= _SHARED:
            doubts[f"{shared:.0%} of the speech is in several channels at once: they may carry the same voices"] = None
        if not self._one_speaker:
            for channel in _by_channel(diarization):
                doubts |= dict.fromkeys(reliability_warnings(channel, seconds))
        return tuple(doubts)

    def unmet_hints(self, diarization: Diarization) -> str:
        """Describe how channels miss the hints; return an empty string if all with speech meet them."""
        unmet = ((channel.uri, self.hints.unmet_by(channel)) for channel in _by_channel(diarization))
        return "; ".join(f"{channel}: {mismatch}" for channel, mismatch in unmet if mismatch)

    @property
    def _one_speaker(self) -> bool:
        return self.hints.exactly == 1

    def _run_one(self, diarizer: "Diarizer", channel: "Recording", progress: Progress) -> Diarization:
        if self._one_speaker:
            return diarizer.detect_speech(channel, progress)
        return diarizer.diarize(channel, self.hints, progress)


@dataclass(frozen=True, kw_only=True, slots=True)
class _ChannelProgress:
    """The progress of one channel as a part of that of all."""

    progress: Progress
    index: int
    channels: int

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        before = self.index * total
        self.progress.advance(stage, completed=before + completed, total=self.channels * total)


def _label(diarization: Diarization, channel: str) -> Iterator[SpeakerTurn]:
    for turn in diarization.turns:
        yield replace(turn, speaker=channel if turn.speaker == SPEECH else f"{channel}_{turn.speaker}")


def _by_channel(diarization: Diarization) -> Iterator[Diarization]:
    """Yield the turns of each channel that has any; its label becomes the name."""
    turns = sorted(diarization.turns, key=lambda turn: (channel_of(turn.speaker), turn))
    for channel, spoken in groupby(turns, key=lambda turn: channel_of(turn.speaker)):
        yield Diarization(uri=channel, turns=tuple(spoken), exclusive_turns=())


def _shared_speech(turns: Iterable[SpeakerTurn]) -> float:
    """Return the share of the speech during which several channels carry speech."""
    by_channel = list(merge_touching(replace(turn, speaker=channel_of(turn.speaker)) for turn in turns))
    heard = sum(turn.duration for turn in merge_touching(replace(turn, speaker=SPEECH) for turn in by_channel))
    return (sum(turn.duration for turn in by_channel) - heard) / heard if heard else 0.0
