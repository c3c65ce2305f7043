"""Turn the arguments of Python callers into audio and a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from diarize_runner.diarization.channels import EACH
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import Audio, AudioFile, Samples
from diarize_runner.jobs.current_voices import CurrentVoices
from diarize_runner.jobs.job import DiarizationTask, Task
from diarize_runner.jobs.per_channel import PerChannelTask

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    AudioInput = str | Path | npt.NDArray[np.float32]
    """A file, or mono samples of shape (samples,) in [-1, 1]."""

SpeakersPerChannel = int | Literal["auto"] | None
"""The number of speakers in each channel, or `auto` to find it; None to mix all channels."""

_MAX_SAMPLE_RATE = 1_000_000


def to_audio(
    audio: "AudioInput",
    *,
    sample_rate: int | None,
    channel: int | None,
    stream: int | None,
    per_channel: SpeakersPerChannel,
) -> Audio:
    """Return the source of a recording.

    Raises:
        UsageError: the arguments contradict each other.
    """
    if not isinstance(audio, (str, Path)):
        if (channel, stream, per_channel) != (None, None, None):
            raise UsageError("samples have one channel", hint="omit channel, stream and speakers_per_channel")
        return _to_samples(audio, sample_rate)
    if sample_rate is not None:
        raise UsageError("sample_rate is for samples: a file states its own", hint="omit sample_rate")
    for name, number in (("channel", channel), ("stream", stream)):
        if number is not None and number < 1:
            raise UsageError(f"there is no {name} {number}", hint=f"count {name}s from 1")
    if per_channel is None:
        return AudioFile(path=Path(audio).absolute(), channel=channel, stream=stream)
    if channel is not None:
        raise UsageError("speakers_per_channel cannot be combined with channel", hint="omit one of them")
    return AudioFile(path=Path(audio).absolute(), channel=EACH, stream=stream)


def to_recordings(
    files: str | Path | Sequence[str | Path], *, channel: int | None, stream: int | None
) -> Sequence[Audio]:
    """Return the sources of one or several files.

    Raises:
        UsageError: there is no such channel or stream.
    """
    paths = [files] if isinstance(files, str | Path) else files
    return [to_audio(path, sample_rate=None, channel=channel, stream=stream, per_channel=None) for path in paths]


def to_task(
    exactly: int | None, at_least: int | None, at_most: int | None, per_channel: SpeakersPerChannel = None
) -> Task:
    """Return the task.

    Raises:
        UsageError: the numbers of speakers contradict each other, or are impossible.
    """
    if per_channel is None:
        return DiarizationTask(hints=_hints(exactly, at_least, at_most))
    if (exactly, at_least, at_most) != (None, None, None):
        message = "speakers_per_channel cannot be combined with num_speakers, min_speakers or max_speakers"
        raise UsageError(message, hint="pass either the one or the others")
    return PerChannelTask(hints=_hints(None if per_channel == "auto" else per_channel, None, None))


def to_current_voices(voices: str | Path | None, threshold: float) -> CurrentVoices | None:
    """Return the file of voices, which is read to check it; None without one.

    Raises:
        UsageError: the threshold is not above 0 and at most 1.

    It also raises as `VoiceFile.load` does.
    """
    if voices is None:
        return None
    if not 0 < threshold <= 1:
        hint = "omit it, or pass a higher one than 0.6 for fewer wrong names"
        raise UsageError(f"voice_threshold={threshold!r} is not a number above 0, at most 1", hint=hint)
    current = CurrentVoices(path=Path(voices).absolute(), threshold=threshold)
    current.read()
    return current


def _to_samples(audio: "npt.NDArray[np.float32]", sample_rate: int | None) -> Samples:
    import numpy as np

    samples = np.asarray(audio)
    if sample_rate is None:
        raise UsageError("samples need sample_rate", hint="pass sample_rate=16000, for example")
    if not isinstance(sample_rate, int) or not 1 <= sample_rate <= _MAX_SAMPLE_RATE:
        raise UsageError(
            f"sample_rate={sample_rate!r} is not a whole number of Hz", hint="pass sample_rate=16000, for example"
        )
    if not np.issubdtype(samples.dtype, np.floating):
        hint = "convert 16-bit samples: (samples / 32768).astype(numpy.float32)"
        raise UsageError(f"samples have dtype {samples.dtype}, expected float32 in [-1, 1]", hint=hint)
    return Samples(waveform=samples.astype(np.float32, copy=False), sample_rate=sample_rate, uri="samples")


def _hints(exactly: int | None, at_least: int | None, at_most: int | None) -> SpeakerHints:
    if exactly and (at_least or at_most):
        hint = "pass either the one or the others"
        raise UsageError("num_speakers cannot be combined with min_speakers or max_speakers", hint=hint)
    if at_least and at_most and at_least > at_most:
        raise UsageError(f"min_speakers={at_least} is more than max_speakers={at_most}", hint="swap them")
    if any(number is not None and number < 1 for number in (exactly, at_least, at_most)):
        raise UsageError("the number of speakers must be 1 or more", hint="if you do not know the number, omit it")
    hints = SpeakerHints(exactly=exactly, at_least=at_least, at_most=at_most)
    hints.require_possible()
    return hints
