"""Split a diarization call into stages, by the time at which each step ends.

pyannote's SpeakerDiarization calls its `hook` at the end of each step, with any engine. It does not report the end of
clustering: that is when it first calls `reconstruct`.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from diarize_runner.benchmark.measurement import Stages
from diarize_runner.diarization.engine import Diarizer

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

Clock = Callable[[], float]
"""Returns seconds since a fixed origin."""

_COUNTED, _EMBEDDED, _CLUSTERED = "speaker_counting", "embeddings", "clustering"
"""Steps that end a stage; the first two are pyannote's names."""


class StageTimer:
    """Records when the steps of a call end."""

    def __init__(self, synchronise: Callable[[], None], clock: Clock = time.perf_counter) -> None:
        self._synchronise, self._clock = synchronise, clock
        self._ends: dict[str, float] = {}

    def clear(self) -> None:
        """Prepare for a new call."""
        self._ends = {}

    def record_end(self, step: str) -> None:
        """Record that `step` has just ended; ignore a second end."""
        if step in (_COUNTED, _EMBEDDED, _CLUSTERED) and step not in self._ends:
            self._synchronise()
            self._ends[step] = self._clock()

    def stages(self, start: float, end: float) -> Stages:
        """Split the call that lasted from `start` to `end`; a skipped stage is None."""
        counted, embedded, clustered = (self._ends.get(step) for step in (_COUNTED, _EMBEDDED, _CLUSTERED))
        return Stages(
            segmentation=_between(start, counted),
            embedding=_between(counted, embedded),
            clustering=_between(embedded, clustered),
            reconstruction=_between(clustered, end),
        )


def instrument(diarizer: Diarizer, stage_timer: StageTimer) -> Diarizer:
    """Return the diarizer with a pipeline that reports each step to `stage_timer`."""
    pipeline: Any = diarizer.pipeline
    reconstruct = pipeline.reconstruct

    def timed_reconstruct(*arguments: Any, **options: Any) -> Any:
        stage_timer.record_end(_CLUSTERED)
        return reconstruct(*arguments, **options)

    def call(file: Any, *, hook: Callable[..., None], **options: Any) -> Any:
        def timed_hook(step: str, artifact: object = None, **progress: Any) -> None:
            if not progress.get("total"):  # with a total, the hook reports progress, not an end
                stage_timer.record_end(step)
            hook(step, artifact, **progress)

        return pipeline(file, hook=timed_hook, **options)

    pipeline.reconstruct = timed_reconstruct
    return dataclasses.replace(diarizer, pipeline=cast("Pipeline", call))


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
