"""Compare the cluster numbers that scipy's dendrogram and ours give at several thresholds."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from pyannote.core import SlidingWindowFeature
from scipy.cluster.hierarchy import fcluster, linkage

from benchmarks.clustering.embeddings import KINDS, Embeddings, on_a_lattice, unit
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.linkage import centroid_linkage

THRESHOLDS = (0.4, 0.6, 0.7045654963945799, 0.8, 1.0)
"""community-1's is 0.6, and 3.1's is 0.7045654963945799."""
_MIN_ACTIVE = 0.2
"""Share of a chunk in which a speaker must speak, as in pyannote's `filter_embeddings`."""


def numbers(dendrogram: np.ndarray) -> np.ndarray:
    """Return cluster numbers (thresholds, embeddings)."""
    return np.array([fcluster(dendrogram, threshold, criterion="distance") for threshold in THRESHOLDS])


def on_random_sets(sets: int) -> dict[str, dict[str, int]]:
    """Return on how many random sets all cluster numbers are equal, by kind of set."""
    kinds = [(kind, (4, 192, 256)) for kind in KINDS] + [(on_a_lattice, (192, 256)), (on_a_lattice, (4,))]
    counts = {}
    for kind, dimensions in kinds:
        random = np.random.default_rng(0)
        equal = 0
        for _ in range(sets):
            count, dimension = int(random.integers(2, 400)), int(random.choice(dimensions))
            equal += _equal(unit(kind(random, count, dimension)))
        counts[f"{kind.__name__} in {' or '.join(map(str, dimensions))} dimensions"] = {"sets": sets, "equal": equal}
    return counts


def on_recordings(diarizers: Sequence[Diarizer], recordings: Sequence[Recording]) -> Iterator[dict[str, object]]:
    """Compare the embeddings of each engine on each recording, and on all of them together."""
    for diarizer in diarizers:
        of_each = [(recording.uri, _embeddings(diarizer, recording)) for recording in recordings]
        of_each.append(("all together", np.concatenate([embeddings for _, embeddings in of_each])))
        for uri, embeddings in of_each:
            if len(embeddings) > 1:
                yield {"engine": diarizer.engine, "uri": uri} | _compare(unit(embeddings))


def _equal(embeddings: Embeddings) -> bool:
    return bool(_compare(embeddings)["equal"])


def _compare(embeddings: Embeddings) -> dict[str, object]:
    expected = numbers(linkage(embeddings, method="centroid", metric="euclidean"))
    found = numbers(centroid_linkage(embeddings))
    clusters = {f"{threshold:.2f}": int(row.max()) for threshold, row in zip(THRESHOLDS, expected, strict=True)}
    return {"embeddings": len(embeddings), "clusters": clusters, "equal": np.array_equal(found, expected)}


def _embeddings(diarizer: Diarizer, recording: Recording) -> Embeddings:
    """Return the embeddings (embeddings, dimension) that pyannote would cluster."""
    file = {"waveform": torch.from_numpy(recording.waveform)[None], "sample_rate": recording.sample_rate}
    pipeline = diarizer.pipeline
    scores = pipeline.get_segmentations(file)
    active = SlidingWindowFeature((scores.data > 0.5).astype(np.float32), scores.sliding_window)  # noqa: PLR2004
    embeddings = pipeline.get_embeddings(file, active, exclude_overlap=True)
    kept, _, _ = pipeline.clustering.filter_embeddings(embeddings, active, min_active_ratio=_MIN_ACTIVE)
    return kept
