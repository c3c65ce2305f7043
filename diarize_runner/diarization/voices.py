"""Embed the voice of each speaker of a recording, to be compared by cosine with the voices of other recordings.

Only speech during which nobody else speaks counts: an embedding of two voices at once is that of neither. The speech of
a speaker is joined, since a short turn alone gives an unreliable embedding, and cut into windows, whose embeddings are
averaged. An embedding is biometric data: it is never logged and never part of a result.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from diarize_runner.diarization.channels import channel_label, channel_of
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

Embedding = npt.NDArray[np.float32]
"""Shape (dimension,), of unit length."""

MIN_SECONDS = 1.5
"""Of speech; less gives no embedding. Nothing shorter was measured: docs/benchmarks/voices-2026-11-30.json."""
_MAX_SECONDS = 60.0
"""Of speech that is embedded: more hardly changes the average, and takes time."""
_WINDOW_SECONDS = 5.0
_STAGE = "voices"


class EmbeddingModel(Protocol):
    """Pyannote's wrapper of an embedding model, which a pipeline keeps as `_embedding`."""

    def __call__(self, waveforms: Any, masks: Any = None) -> npt.NDArray[np.float32]:
        """Return embeddings (batch, dimension) of waveforms (batch, 1, samples)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SpeakerVoice:
    """The voice of one speaker of a recording."""

    embedding: Embedding = field(repr=False)
    seconds: float
    """Of speech during which nobody else speaks, embedded or not."""


def embed_speakers(
    model: EmbeddingModel, recording: "Recording", diarization: Diarization, progress: Progress
) -> dict[str, SpeakerVoice]:
    """Return the voices by label, without speakers who speak alone for less than `MIN_SECONDS`."""
    spoken = {
        speaker: turns
        for speaker, turns in _turns_alone_in(recording, diarization).items()
        if _seconds(turns) >= MIN_SECONDS
    }
    voices: dict[str, SpeakerVoice] = {}
    for done, (speaker, turns) in enumerate(spoken.items(), 1):
        speech = _join(_channel(recording, speaker), _longest(turns), recording.sample_rate)
        embedding = _embed(model, speech, recording.sample_rate)
        if embedding is not None:
            voices[speaker] = SpeakerVoice(embedding=embedding, seconds=_seconds(turns))
        progress.advance(_STAGE, completed=done, total=len(spoken))
    return voices


def _turns_alone_in(recording: "Recording", diarization: Diarization) -> Mapping[str, Sequence[SpeakerTurn]]:
    """Return `turns_alone`: of each channel, if channels were diarized alone, since each has samples of its own."""
    if len(recording.channels) == 1:
        return turns_alone(diarization.turns)
    channels = defaultdict[str, list[SpeakerTurn]](list)
    for turn in diarization.turns:
        channels[channel_of(turn.speaker)].append(turn)
    return {speaker: found for turns in channels.values() for speaker, found in turns_alone(turns).items()}


def turns_alone(turns: Iterable[SpeakerTurn]) -> Mapping[str, Sequence[SpeakerTurn]]:
    """Return by speaker, in order of time, when that speaker speaks and nobody else does."""
    alone = defaultdict[str, list[SpeakerTurn]](list)
    for turn in _spans_of_one(turns):
        alone[turn.speaker].append(turn)
    return alone


def average(embeddings: npt.ArrayLike, weights: Sequence[float] | None = None) -> Embedding:
    """Return the mean of embeddings (count, dimension), scaled to unit length, as is each of them first."""
    rows = np.asarray(embeddings, dtype=np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    mean = np.average(unit, axis=0, weights=weights)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def _spans_of_one(turns: Iterable[SpeakerTurn]) -> Iterator[SpeakerTurn]:
    edges = sorted(edge for turn in turns for edge in ((turn.start, 1, turn.speaker), (turn.end, -1, turn.speaker)))
    speaking, since = Counter[str](), 0.0
    for time, change, speaker in edges:
        if len(speaking) == 1 and time > since:
            yield SpeakerTurn(start=since, end=time, speaker=next(iter(speaking)))
        speaking[speaker] += change
        if not speaking[speaker]:
            del speaking[speaker]
        since = time


def _longest(turns: Iterable[SpeakerTurn]) -> list[SpeakerTurn]:
    """Return the longest turns that together last `_MAX_SECONDS`, in order of time."""
    chosen: list[SpeakerTurn] = []
    remaining = _MAX_SECONDS
    for turn in sorted(turns, key=lambda turn: -turn.duration):
        if remaining <= 0:
            break
        taken = min(turn.duration, remaining)
        chosen.append(SpeakerTurn(start=turn.start, end=turn.start + taken, speaker=turn.speaker))
        remaining -= taken
    return sorted(chosen)


def _channel(recording: "Recording", speaker: str) -> npt.NDArray[np.float32]:
    """Return the samples in which to look for a speaker: of the channel that the label names, if it names one."""
    by_label = {channel_label(index): channel for index, channel in enumerate(recording.channels, 1)}
    return by_label.get(channel_of(speaker), recording).waveform


def _join(samples: npt.NDArray[np.float32], turns: Iterable[SpeakerTurn], rate: int) -> npt.NDArray[np.float32]:
    return np.concatenate([samples[round(turn.start * rate) : round(turn.end * rate)] for turn in turns])


def _embed(model: EmbeddingModel, speech: npt.NDArray[np.float32], rate: int) -> Embedding | None:
    """Return the average of windows of equal length, about `_WINDOW_SECONDS`; None if the model gives none."""
    import torch

    count = max(1, round(len(speech) / (_WINDOW_SECONDS * rate)))
    length = len(speech) // count
    embedded = model(torch.from_numpy(speech[: count * length].reshape(count, 1, length)))
    usable = embedded[np.isfinite(embedded).all(axis=1)]
    return average(usable) if len(usable) else None


def _seconds(turns: Iterable[SpeakerTurn]) -> float:
    return sum(turn.duration for turn in turns)
