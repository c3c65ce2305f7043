"""One step by one engine: load the engine, set its batch size, and time a call with its stages."""

import dataclasses
import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.gpu.clocks import Sampler
from benchmarks.gpu.plan import Step
from benchmarks.gpu.probes import probe_network
from benchmarks.gpu.report import Measured, Probe
from diarize_runner.benchmark.memory import read_peaks, reset_peaks
from diarize_runner.benchmark.stage_timer import StageTimer, instrument
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.embedding import EmbeddingPass
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.engines import FAST, STOCK, Engine
from diarize_runner.diarization.tiles import TileEmbeddingPass
from diarize_runner.errors import PipelineError
from diarize_runner.jobs.job import DiarizationTask, TimedDiarization, run_timed
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm

_TASK = DiarizationTask()


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedEngine:
    """An engine with a stage timer."""

    diarizer: Diarizer
    timed: Diarizer
    """The same, with stages."""
    stage_timer: StageTimer

    def set_batch_size(self, size: int | None) -> None:
        """Set how many chunks are embedded at once; None keeps the engine's own number."""
        if size is not None:
            pipeline = self.diarizer.pipeline
            pipeline.get_embeddings = _resized(pipeline.get_embeddings, size)

    def call(self, recording: Recording) -> TimedDiarization:
        """Diarize a recording."""
        self.stage_timer.clear()
        return run_timed(_TASK, self.timed, recording, NoProgress())


def _resized(embedding: EmbeddingPass | TileEmbeddingPass, size: int) -> EmbeddingPass | TileEmbeddingPass:
    if isinstance(embedding, TileEmbeddingPass):
        return dataclasses.replace(embedding, exact=dataclasses.replace(embedding.exact, batch_size=size))
    return dataclasses.replace(embedding, batch_size=size)


class Engines:
    """Loads one engine at a time, so that the peak memory is its own."""

    def __init__(self, *, load: Callable[[Engine], Diarizer], warm_up: Recording, sampler: Sampler) -> None:
        self._load, self._warm_up, self._sampler = load, warm_up, sampler
        self._current: tuple[tuple[Engine, int | None], LoadedEngine] | None = None

    def measure(self, step: Step, recording: Recording) -> Measured:
        """Take a step; raise PipelineError if it fails."""
        engine = self._loaded(step)
        for _ in range(step.calls - 1):
            engine.call(recording)
        reset_peaks(engine.diarizer.device)
        found = engine.call(recording)
        return Measured(
            step=step,
            uri=recording.uri,
            seconds=found.seconds,
            stages=engine.stage_timer.stages(found.began, found.ended),
            memory=read_peaks(engine.diarizer.device),
            speakers=len(found.diarization.speakers),
            turns=len(found.diarization.turns),
            rttm=hashlib.sha256(rttm.render(found.diarization).encode()).hexdigest(),
            clocks=self._sampler.between(found.began, found.ended),
        )

    def probe(self) -> tuple[Probe, ...]:
        """Time one batch of the fast engine's network in several ways."""
        try:
            return probe_network(self._loaded(Step(engine=FAST, audio_seconds=0.0)).diarizer)
        except PipelineError as error:
            return (Probe(name="fast engine", seconds=None, problem=str(error)),)

    def _loaded(self, step: Step) -> LoadedEngine:
        """Return the step's engine, loaded and warm."""
        wanted = step.engine, step.batch_size
        if self._current is None or self._current[0] != wanted:
            self._current = None
            _free_memory()
            engine = self._start(step)
            self._current = wanted, engine
        return self._current[1]

    def _start(self, step: Step) -> LoadedEngine:
        diarizer = self._load(step.engine)
        if diarizer.engine != step.engine:
            raise PipelineError(f"the pipeline supports {diarizer.engine}, not {step.engine}")
        stage_timer = StageTimer(diarizer.synchronise, time.perf_counter)
        engine = LoadedEngine(diarizer=diarizer, timed=instrument(diarizer, stage_timer), stage_timer=stage_timer)
        engine.set_batch_size(None if step.engine == STOCK else step.batch_size)
        engine.call(self._warm_up)
        return engine


def _free_memory() -> None:
    """Return the memory of an engine that is no longer used."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
