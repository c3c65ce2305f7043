"""Clustering of a loaded pipeline with memory that does not grow with the square of a long recording's length.

Stock is `AgglomerativeClustering` and `VBxClustering` in pyannote/audio/pipelines/clustering.py of pyannote.audio
4.0.7. Their code runs unchanged, except that the name `linkage` in it means `linkage` of this module.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from pyannote.audio.pipelines.clustering import AgglomerativeClustering, VBxClustering
from scipy.cluster import hierarchy

from diarize_runner.diarization.linkage import Matrix, centroid_linkage

MAX_EMBEDDINGS_OF_SCIPY = 20_000
"""scipy takes 8 bytes for each embedding squared: here 3.2 GB, for about four hours of speech, at a chunk a second. A
g4dn.xlarge has 16 GB, and the rest of a pipeline needs half of it for 12 hours: docs/adr/0023."""


def linkage(embeddings: npt.NDArray[np.floating], method: str, metric: str) -> Matrix:
    """Return scipy's dendrogram (merges, 4) of embeddings (embeddings, dimension)."""
    if method == "centroid" and metric == "euclidean" and len(embeddings) > MAX_EMBEDDINGS_OF_SCIPY:
        return centroid_linkage(embeddings)
    dendrogram: Matrix = hierarchy.linkage(embeddings, method=method, metric=metric)
    return dendrogram


def _with_our_linkage(stock: Any) -> Callable[..., Any]:
    """Return a copy of a stock function that calls `linkage` of this module; the stock one stays as it is."""
    return FunctionType(stock.__code__, {**stock.__globals__, "linkage": linkage}, stock.__name__, stock.__defaults__)


class _Agglomerative(AgglomerativeClustering):
    cluster = _with_our_linkage(AgglomerativeClustering.cluster)


class _VBx(VBxClustering):
    __call__ = _with_our_linkage(VBxClustering.__call__)


_REPLACEMENTS: dict[type, type] = {AgglomerativeClustering: _Agglomerative, VBxClustering: _VBx}


def limit_memory(clustering: Any) -> None:
    """Replace the methods of one clustering that call `linkage`; other kinds of clustering stay as they are.

    Python looks up `__call__` in an object's class, so the object gets a subclass of its class.
    """
    clustering.__class__ = _REPLACEMENTS.get(type(clustering), type(clustering))
