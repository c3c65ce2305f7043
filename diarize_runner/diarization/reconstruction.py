"""From clusters to turns as pyannote's SpeakerDiarization goes, to the same end, sooner and in less memory.

Stock is `SpeakerDiarization.reconstruct` in pyannote/audio/pipelines/speaker_diarization.py of pyannote.audio 4.0.7,
with `Inference.aggregate` (core/inference.py), `to_diarization` and `to_annotation` (pipelines/utils/diarization.py)
and `Binarize` (utils/signal.py). It writes out every chunk for every speaker before it adds them up, twice 17 MB for an
hour of each, and then walks through the frames in Python, 59 for each second and speaker.
"""

import numpy as np
import numpy.typing as npt
from pyannote.core import Annotation, Segment, SlidingWindow, SlidingWindowFeature
from pyannote.core.utils.generators import string_generator

_NOBODY = -2
"""The cluster of a slot in which nobody speaks."""


def reconstruct(
    segmentations: SlidingWindowFeature, hard_clusters: npt.NDArray[np.int8], count: SlidingWindowFeature
) -> SlidingWindowFeature:
    """Say which speakers speak in each frame: as many as are counted there, those that the chunks agree on most.

    Takes the place of a pipeline's `reconstruct`; parameters and result are those of stock.
    """
    speakers = max(np.max(hard_clusters) + 1, np.max(count.data))
    activations = _summed(segmentations, hard_clusters, speakers, count.sliding_window)
    extent = activations.extent & count.extent
    activations, count = (each.crop(extent, return_data=False) for each in (activations, count))
    frames = min(len(activations.data), len(count.data))
    most_active_first = np.argsort(-activations.data[:frames], axis=-1)
    spoken = np.zeros_like(activations.data)
    np.put_along_axis(spoken[:frames], most_active_first, np.arange(speakers) < count.data[:frames], axis=-1)
    return SlidingWindowFeature(spoken, activations.sliding_window)


def _summed(
    segmentations: SlidingWindowFeature, hard_clusters: npt.NDArray[np.int8], speakers: int, frames: SlidingWindow
) -> SlidingWindowFeature:
    """Sum up what the chunks say of each speaker in each frame."""
    chunks, size = segmentations.sliding_window, segmentations.data.shape[1]
    frames = SlidingWindow(start=chunks.start, duration=frames.duration, step=frames.step)
    half = 0.5 * frames.duration
    last = frames.closest_frame(chunks.start + chunks.duration + (len(hard_clusters) - 1) * chunks.step + half)
    activations = np.zeros((last + 1, speakers), dtype=np.float32)
    for clusters, (chunk, said) in zip(hard_clusters, segmentations, strict=True):
        first = frames.closest_frame(chunk.start + half)
        for cluster in np.unique(clusters[clusters != _NOBODY]):
            activations[first : first + size, cluster] += np.max(said[:, clusters == cluster], axis=1)
    return SlidingWindowFeature(activations, frames)


def to_annotation(
    discrete_diarization: SlidingWindowFeature, min_duration_on: float = 0.0, min_duration_off: float = 0.0
) -> Annotation:
    """Join frames into turns from the middle of one to the middle of another.

    Takes the place of a pipeline's `to_annotation`; parameters and result are those of stock.
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
    """Return the first frame of each run of active ones, and the frame after it or else the last there is."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return np.minimum(edges, len(active) - 1).reshape(-1, 2)
