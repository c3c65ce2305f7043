"""Compare the embeddings of two engines on one recording."""

import numpy as np
import numpy.typing as npt
import torch
from pyannote.core import SlidingWindowFeature

from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer

_SPEECH = 0.5


def similarity(one: Diarizer, other: Diarizer, recording: Recording) -> float:
    """Return the median cosine of their embeddings, over all speaker slots with speech; NaN if there is none."""
    file = {
        "waveform": torch.from_numpy(recording.waveform)[None],
        "sample_rate": recording.sample_rate,
        "uri": recording.uri,
    }
    scores = one.pipeline.get_segmentations(file)
    active = SlidingWindowFeature((scores.data > _SPEECH).astype(np.float32), scores.sliding_window)
    spoken = active.data.any(axis=1)
    vectors = [each.pipeline.get_embeddings(file, active, exclude_overlap=True)[spoken] for each in (one, other)]
    return float(np.nanmedian(_cosines(*vectors))) if spoken.any() else float("nan")


def _cosines(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosines: npt.NDArray[np.float32] = np.sum(one * other, axis=1) / lengths
    return cosines
