"""When each step of a diarization call ended, so that the call can be split into stages.

pyannote's SpeakerDiarization calls the hook it is given at the end of each step, whichever engine does the step. Only
the end of clustering is not told: it is when `reconstruct` is called for the first time.
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
"""Seconds, from any fixed moment."""

_COUNTED, _EMBEDDED, _CLUSTERED = "speaker_counting", "embeddings", "clustering"
"""Steps that end a stage; the first two in pyannote's own words."""


class Marks:
    """Moments of one call after another."""

    def __init__(self, synchronise: Callable[[], None], clock: Clock = time.perf_counter) -> None:
        self._synchronise, self._clock = synchronise, clock
        self._moments: dict[str, float] = {}

    def clear(self) -> None:
        """Begin a new call."""
        self._moments = {}

    def note(self, step: str) -> None:
        """Step `step` has just ended; a step that ends twice ended the first time."""
        if step in (_COUNTED, _EMBEDDED, _CLUSTERED) and step not in self._moments:
            self._synchronise()
            self._moments[step] = self._clock()

    def stages(self, start: float, end: float) -> Stages:
        """Split the call that lasted from `start` to `end`; what it did not pass through is None."""
        counted, embedded, clustered = (self._moments.get(step) for step in (_COUNTED, _EMBEDDED, _CLUSTERED))
        return Stages(
            segmentation=_between(start, counted),
            embedding=_between(counted, embedded),
            clustering=_between(embedded, clustered),
            reconstruction=_between(clustered, end),
        )


def observed(diarizer: Diarizer, marks: Marks) -> Diarizer:
    """Return the diarizer with its pipeline made to tell `marks` of every step."""
    pipeline: Any = diarizer.pipeline
    reconstruct = pipeline.reconstruct

    def reconstruct_noting(*arguments: Any, **options: Any) -> Any:
        marks.note(_CLUSTERED)
        return reconstruct(*arguments, **options)

    def call(file: Any, *, hook: Callable[..., None], **options: Any) -> Any:
        def hook_noting(step: str, artifact: object = None, **told: Any) -> None:
            if not told.get("total"):  # else it tells how far a step is, not that it has ended
                marks.note(step)
            hook(step, artifact, **told)

        return pipeline(file, hook=hook_noting, **options)

    pipeline.reconstruct = reconstruct_noting
    return dataclasses.replace(diarizer, pipeline=cast("Pipeline", call))


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
