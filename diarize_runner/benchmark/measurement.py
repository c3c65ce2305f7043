"""Figures of a benchmark: Call* -> Measurement* -> Series. An unmeasured figure is None, never 0."""

import statistics
from dataclasses import dataclass, fields

from diarize_runner.benchmark.alignment import Alignment, ErrorSeconds
from diarize_runner.benchmark.word_errors import WordErrors
from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Seconds per stage of a call; None if a call skips the stage, or its end is unknown."""

    decode: float | None = None
    transcription: float | None = None
    """None unless the benchmark transcribes."""
    segmentation: float | None = None
    """Local speakers per chunk, and the speaker count per frame."""
    embedding: float | None = None
    clustering: float | None = None
    reconstruction: float | None = None
    """From clusters to speaker turns."""
    label: float | None = None
    """Assigns speakers to a transcript's segments; None without a transcript."""
    write: float | None = None

    @property
    def measured(self) -> dict[str, float]:
        """Seconds by stage, in order, without unmeasured stages."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def missing(self) -> tuple[str, ...]:
        """The unmeasured stages."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Peak bytes of one process while it decodes, diarizes, labels and writes."""

    rss: int | None = None
    torch_allocated: int | None = None
    """On the GPU, in tensors."""
    torch_reserved: int | None = None
    """On the GPU, by torch's caching allocator."""
    device_used: int | None = None
    """On the GPU, by all processes, right after the call, torch's reserved memory included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One diarization of one recording."""

    seconds: float
    """The diarization call alone: see docs/adr/0008."""
    stages: Stages = Stages()
    memory: Memory = Memory()


@dataclass(frozen=True, kw_only=True, slots=True)
class Loading:
    """Seconds until a new process has loaded its pipeline."""

    process: float | None = None
    """Until the worker's first message."""
    imports: float | None = None
    """Of torch and pyannote.audio."""
    verify: float | None = None
    """Hashing of every byte of the cache."""
    load: float | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The unmeasured parts."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)

    @property
    def seconds(self) -> float | None:
        """The sum; None if a part was not measured."""
        parts = (self.process, self.imports, self.verify, self.load)
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """A cold start: a new process and its first call, which includes one-time initialisation."""

    loading: Loading
    uri: str
    """Of the first recording."""
    first_call: Call

    @property
    def seconds(self) -> float | None:
        """Loading, decoding and the first call together; None if a part was not measured."""
        decode, loading = self.first_call.stages.decode, self.loading.seconds
        return None if loading is None or decode is None else loading + decode + self.first_call.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Error rates against a reference, at collar 0, overlap scored, as fractions: 0.05 is 5 %.

    Reports of format 1 and 2 lack the last three fields.
    """

    der: float
    """Diarization error rate, the sum of the next three."""
    missed: float | None = None
    false_alarm: float | None = None
    confusion: float | None = None
    jer: float | None = None
    """Jaccard error rate: each speaker has equal weight."""
    speakers: int
    """In the reference, inside the scored regions."""
    found_speakers: int | None = None
    """In the diarization, inside the scored regions."""
    seconds: ErrorSeconds | None = None
    alignment: Alignment | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MemorySample:
    """A process's RSS at one time of a call."""

    seconds: float
    """Since the request for the call."""
    rss: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One recording, diarized repeatedly by one engine on one device."""

    uri: str
    audio_seconds: float
    audio: str | None = None
    """The digest of the file."""
    hints: SpeakerHints = NO_HINTS
    warmups: tuple[Call, ...]
    """Calls before the timed ones, excluded from all statistics."""
    calls: tuple[Call, ...]
    speakers: int
    """Found by the engine."""
    score: Score | None = None
    """None without a reference."""
    words: WordErrors | None = None
    """None unless the benchmark transcribes, and knows what was said."""
    rttm: str | None = None
    """The digest of the output."""
    repeatable: bool | None = None
    """Whether every call wrote the same RTTM."""
    same_as_stock: bool | None = None
    """Whether stock pyannote wrote the same RTTM in this run; None if stock did not run."""
    memory_over_time: tuple[MemorySample, ...] = ()
    """Of the last call."""

    @property
    def counted_speakers(self) -> int:
        """The number of speakers to compare with the reference's: those inside the scored regions, where known."""
        in_regions = self.score.found_speakers if self.score else None
        return self.speakers if in_regions is None else in_regions

    @property
    def processing_seconds(self) -> tuple[float, ...]:
        """Of each timed call."""
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
        """The median of each stage; None if a call lacks it."""
        return Stages(**{name: _median_of([getattr(call.stages, name) for call in self.calls]) for name in _STAGES})

    @property
    def transcription_real_time_factor(self) -> float | None:
        """Median processing time of the transcription / audio duration; None unless the benchmark transcribes."""
        seconds = self.stages.transcription
        return None if seconds is None else seconds / self.audio_seconds

    @property
    def peak_rss(self) -> int | None:
        """The highest RSS of any timed call; None if not measured."""
        found = [call.memory.rss for call in self.calls if call.memory.rss is not None]
        return max(found, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Several recordings diarized in sequence by one new process."""

    recordings: int
    audio_seconds: float
    """Total."""
    seconds: float
    """From the launch of the process to the end of the last diarization."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """All measurements of one engine on one device."""

    engine: str
    """`exact`, `fast` or `stock`."""
    device: str
    """`cpu`, or the GPU's name."""
    transcriber: str | None = None
    """Its model and precision; None unless the benchmark transcribes."""
    starts: tuple[Start, ...] = ()
    measurements: tuple[Measurement, ...]
    batches: tuple[Batch, ...] = ()

    @property
    def audio_seconds(self) -> float:
        """The sum over all recordings."""
        return sum(measurement.audio_seconds for measurement in self.measurements)

    @property
    def median_seconds(self) -> float:
        """The sum of the medians."""
        return sum(measurement.median_seconds for measurement in self.measurements)

    @property
    def real_time_factor(self) -> float:
        """The sum of the medians / the sum of the durations."""
        return self.median_seconds / self.audio_seconds

    @property
    def transcription_seconds(self) -> float | None:
        """The sum of the medians; None unless every recording was transcribed."""
        seconds = [measured.stages.transcription for measured in self.measurements]
        known = [each for each in seconds if each is not None]
        return sum(known) if len(known) == len(seconds) else None

    @property
    def word_error_rate(self) -> float | None:
        """All word errors / all words of the references; None unless every recording has them."""
        errors = [measured.words for measured in self.measurements]
        known = [each for each in errors if each]
        return sum(each.errors for each in known) / sum(each.words for each in known) if all(errors) else None

    @property
    def speaker_count_accuracy(self) -> float | None:
        """The fraction of recordings with the right speaker count; None without references."""
        right = [each.counted_speakers == each.score.speakers for each in self.measurements if each.score]
        return sum(right) / len(right) if right else None


_STAGES = tuple(field.name for field in fields(Stages))


def _median_of(seconds: list[float | None]) -> float | None:
    known = [value for value in seconds if value is not None]
    return statistics.median(known) if known and len(known) == len(seconds) else None
