"""Faster, smaller replacements for pyannote's speaker counting and its step from clusters to turns, same output.

Stock is `SpeakerDiarization.reconstruct` in pyannote/audio/pipelines/speaker_diarization.py of pyannote.audio 4.0.7,
with `Inference.aggregate` (core/inference.py), `speaker_count`, `to_diarization` and `to_annotation`
(pipelines/utils/diarization.py) and `Binarize` (utils/signal.py). It stores every chunk for every speaker, twice 17 MB
per hour and speaker, before it sums them, then iterates over the frames in Python, 59 per second and speaker.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pyannote.audio import Inference
from pyannote.core import Annotation, Segment, SlidingWindow, SlidingWindowFeature
from pyannote.core.utils.generators import string_generator

_INACTIVE = -2
"""Cluster of a slot without speech."""


def count_speakers(
    binarized_segmentations: SlidingWindowFeature, frames: SlidingWindow, warm_up: tuple[float, float] = (0.1, 0.1)
) -> SlidingWindowFeature:
    """Return the number of active speakers of each frame: the mean over its chunks, rounded.

    Replaces a pipeline's `speaker_count`; parameters and result match stock. Chunks hold whole numbers, whose sums are
    exact in float32.
    """
    trimmed = Inference.trim(binarized_segmentations, warm_up=warm_up)
    counts = np.sum(trimmed.data, axis=-1, keepdims=True)
    known = ~np.isnan(counts)
    grid = _Grid(trimmed, frames)
    sums, chunks = np.zeros((2, grid.size, 1), dtype=np.float32)
    for span, count, is_known in zip(grid.spans(), np.nan_to_num(counts), known, strict=True):
        sums[span] += count
        chunks[span] += is_known
    return SlidingWindowFeature(np.rint(sums / np.maximum(chunks, 1)).astype(np.uint8), grid.frames)


def reconstruct(
    segmentations: SlidingWindowFeature, hard_clusters: npt.NDArray[np.int8], count: SlidingWindowFeature
) -> SlidingWindowFeature:
    """Return the active speakers of each frame: the `count` speakers with the highest summed scores.

    Replaces a pipeline's `reconstruct`; parameters and result match stock.
    """
    speakers = max(np.max(hard_clusters) + 1, np.max(count.data))
    activations = _sum_scores(segmentations, hard_clusters, speakers, count.sliding_window)
    extent = activations.extent & count.extent
    activations, count = (each.crop(extent, return_data=False) for each in (activations, count))
    frames = min(len(activations.data), len(count.data))
    most_active_first = np.argsort(-activations.data[:frames], axis=-1)
    spoken = np.zeros_like(activations.data)
    np.put_along_axis(spoken[:frames], most_active_first, np.arange(speakers) < count.data[:frames], axis=-1)
    return SlidingWindowFeature(spoken, activations.sliding_window)


def _sum_scores(
    segmentations: SlidingWindowFeature, hard_clusters: npt.NDArray[np.int8], speakers: int, frames: SlidingWindow
) -> SlidingWindowFeature:
    """Sum the scores of overlapping chunks for each speaker and frame."""
    grid = _Grid(segmentations, frames)
    activations = np.zeros((grid.size, speakers), dtype=np.float32)
    for span, clusters, scores in zip(grid.spans(), hard_clusters, segmentations.data, strict=True):
        for cluster in np.unique(clusters[clusters != _INACTIVE]):
            activations[span, cluster] += np.max(scores[:, clusters == cluster], axis=1)
    return SlidingWindowFeature(activations, grid.frames)


class _Grid:
    """The frames of a recording, and which of them each chunk has."""

    def __init__(self, segmentations: SlidingWindowFeature, frames: SlidingWindow) -> None:
        self._chunks = chunks = segmentations.sliding_window
        self._count, self._frames_per_chunk = segmentations.data.shape[:2]
        self._half = 0.5 * frames.duration
        self.frames = SlidingWindow(start=chunks.start, duration=frames.duration, step=frames.step)
        end = chunks.start + chunks.duration + (self._count - 1) * chunks.step
        self.size = self.frames.closest_frame(end + self._half) + 1

    def spans(self) -> Iterator[slice]:
        for chunk in range(self._count):
            first = self.frames.closest_frame(self._chunks[chunk].start + self._half)
            yield slice(first, first + self._frames_per_chunk)


def to_annotation(
    discrete_diarization: SlidingWindowFeature, min_duration_on: float = 0.0, min_duration_off: float = 0.0
) -> Annotation:
    """Join active frames into turns, from the middle of the first frame to the middle of the last.

    Replaces a pipeline's `to_annotation`; parameters and result match stock.
    """
    frames, annotation = discrete_diarization.sliding_window, Annotation()
    for speaker, (spoken, track) in enumerate(zip(discrete_diarization.data.T, string_generator(), strict=False)):
        for first, last in _runs(spoken > 0.5):  # noqa: PLR2004
            annotation[Segment(frames[first].middle, frames[last].middle), track] = speaker
    if min_duration_off > 0:
        annotation = annotation.support(collar=min_duration_off)
    for segment, track in list(annotation.itertracks()):
        if segment.duration < min_duration_on:
            del annotation[segment, track]
    return annotation


def _runs(active: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return shape (runs, 2): the first frame of each active run and the frame after it, at most the last frame."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return np.minimum(edges, len(active) - 1).reshape(-1, 2)
