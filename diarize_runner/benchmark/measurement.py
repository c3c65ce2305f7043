"""What a benchmark measures: Call* -> Measurement* -> Series. A figure that could not be had is None, never 0."""

import statistics
from dataclasses import dataclass, fields

from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Seconds of each stage of a call; None where it was not passed through, or could not be told from others."""

    decode: float | None = None
    segmentation: float | None = None
    """Who speaks in each chunk, and how many in each frame."""
    embedding: float | None = None
    clustering: float | None = None
    reconstruction: float | None = None
    """From clusters to turns."""
    label: float | None = None
    """Giving a transcript's segments their speakers; None where there is no transcript."""
    write: float | None = None

    @property
    def measured(self) -> dict[str, float]:
        """Seconds by stage, in order, of those there are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def missing(self) -> tuple[str, ...]:
        """The other stages."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes of one process at the most, while it decodes, diarizes, labels and writes."""

    rss: int | None = None
    """Resident."""
    torch_allocated: int | None = None
    """On the GPU, in tensors."""
    torch_reserved: int | None = None
    """On the GPU, kept by torch for tensors."""
    device_used: int | None = None
    """On the GPU, by everybody, right after the call, when torch still keeps what it reserved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One recording diarized once."""

    seconds: float
    """Of the diarization call and nothing else: see docs/adr/0008."""
    stages: Stages = Stages()
    memory: Memory = Memory()


@dataclass(frozen=True, kw_only=True, slots=True)
class Loading:
    """Seconds until a new process has its pipeline loaded."""

    process: float | None = None
    """Until the interpreter says its first word."""
    imports: float | None = None
    """Of torch and pyannote.audio."""
    verify: float | None = None
    """Every byte of the cache."""
    load: float | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """What was not measured."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)

    @property
    def seconds(self) -> float | None:
        """All of it; None where something was not measured."""
        parts = (self.process, self.imports, self.verify, self.load)
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A new process, and its first call, which pays for all that is done only once."""

    loading: Loading
    uri: str
    """Of the recording that was diarized first."""
    first_call: Call

    @property
    def seconds(self) -> float | None:
        """From nothing to the first diarization, decoded before; None where something was not measured."""
        decode, loading = self.first_call.stages.decode, self.loading.seconds
        return None if loading is None or decode is None else loading + decode + self.first_call.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How a diarization compares with its reference, at collar 0, overlap scored. Rates are shares: 0.05 is 5 %."""

    der: float
    """Diarization error rate, the sum of the next three."""
    missed: float | None = None
    false_alarm: float | None = None
    confusion: float | None = None
    jer: float | None = None
    """Jaccard error rate: every speaker weighs the same."""
    speakers: int
    """In the reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemorySample:
    """What a process had resident at one moment of a call."""

    seconds: float
    """Since the call was asked for."""
    rss: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One recording, diarized again and again by one engine on one device."""

    uri: str
    audio_seconds: float
    audio: str | None = None
    """The digest of the file."""
    hints: SpeakerHints = NO_HINTS
    warmups: tuple[Call, ...]
    """Calls that were made first, and do not count."""
    calls: tuple[Call, ...]
    speakers: int
    """Found."""
    score: Score | None = None
    """None where there is no reference."""
    rttm: str | None = None
    """The digest of what was said."""
    repeatable: bool | None = None
    """Whether every call said the same."""
    same_as_stock: bool | None = None
    """Whether stock pyannote, in the same run, said the same; None where it was not asked."""
    memory_over_time: tuple[MemorySample, ...] = ()
    """Of the last call."""

    @property
    def processing_seconds(self) -> tuple[float, ...]:
        """Of each call that counts."""
        return tuple(call.seconds for call in self.calls)

    @property
    def median_seconds(self) -> float:
        """Median processing time."""
        return statistics.median(self.processing_seconds)

    @property
    def real_time_factor(self) -> float:
        """Median processing time / audio duration."""
        return self.median_seconds / self.audio_seconds

    @property
    def stages(self) -> Stages:
        """The median of each stage; None where a call lacks it."""
        return Stages(**{name: _median_of([getattr(call.stages, name) for call in self.calls]) for name in _STAGES})

    @property
    def peak_rss(self) -> int | None:
        """The most of any call that counts; None where it was not measured."""
        found = [call.memory.rss for call in self.calls if call.memory.rss is not None]
        return max(found, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Several recordings diarized one after the other by one new process."""

    recordings: int
    audio_seconds: float
    """Of all together."""
    seconds: float
    """From before the process was started to the last diarization."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """What one engine did on one device."""

    engine: str
    """What diarized: `exact` or `stock`."""
    device: str
    """`cpu`, or the GPU's name."""
    starts: tuple[Start, ...] = ()
    measurements: tuple[Measurement, ...]
    batches: tuple[Batch, ...] = ()

    @property
    def audio_seconds(self) -> float:
        """Of all recordings."""
        return sum(measurement.audio_seconds for measurement in self.measurements)

    @property
    def median_seconds(self) -> float:
        """The sum of the medians."""
        return sum(measurement.median_seconds for measurement in self.measurements)

    @property
    def real_time_factor(self) -> float:
        """Total over total: the sum of the medians / the sum of the durations."""
        return self.median_seconds / self.audio_seconds

    @property
    def speaker_count_accuracy(self) -> float | None:
        """The share of recordings in which as many speakers were found as there are; None without references."""
        right = [each.speakers == each.score.speakers for each in self.measurements if each.score]
        return sum(right) / len(right) if right else None


_STAGES = tuple(field.name for field in fields(Stages))


def _median_of(seconds: list[float | None]) -> float | None:
    known = [value for value in seconds if value is not None]
    return statistics.median(known) if known and len(known) == len(seconds) else None
