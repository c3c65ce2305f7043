"""The fast engine: the exact engine, except that each second of audio is embedded once.

Agglomerative clustering is adapted: chunks start half as often, so that a speaker has half as many embeddings; and
embeddings of one speaker lie further apart, as a tile may hold only part of a turn. docs/adr/0021 has the figures.
"""

from typing import TYPE_CHECKING, Any

import torch
from pyannote.audio.pipelines.clustering import AgglomerativeClustering

from diarize_runner.diarization.campplus import CAMPlusPlus
from diarize_runner.diarization.engines import EXACT, FAST, Engine
from diarize_runner.diarization.exact import make_exact
from diarize_runner.diarization.tiles import TileEmbeddingPass

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

_STEP_FACTOR = 2
_THRESHOLD_FACTOR = 1.09
_LONGEST_TILE = 5.0
"""Seconds. With the chunks of 10 s of embedded-music, DER rose from 18.3 to 20.1 %: docs/adr/0021."""


def default_engine(pipeline: "Pipeline") -> Engine:
    """Return `fast` for CAM++ on short chunks, where it is as accurate as `exact`; `exact` for other pipelines."""
    segmentation: Any = getattr(pipeline, "_segmentation", None)
    short = segmentation is not None and segmentation.duration <= _LONGEST_TILE
    return FAST if short and isinstance(_embedding_model(pipeline), CAMPlusPlus) else EXACT


def make_fast(pipeline: "Pipeline", device: torch.device) -> None:
    """Replace the slow methods of a pipeline that is already on `device`.

    Raises:
        UnsupportedPipeline: the exact engine does not support the pipeline, which stays unchanged.
    """
    make_exact(pipeline, device)
    pipeline.get_embeddings = TileEmbeddingPass(exact=pipeline.get_embeddings)
    clustering = pipeline.clustering
    if isinstance(clustering, AgglomerativeClustering):
        segmentation = pipeline._segmentation  # noqa: SLF001  # the pipeline has no other way
        segmentation.step = min(segmentation.step * _STEP_FACTOR, segmentation.duration)
        clustering.min_cluster_size = max(1, clustering.min_cluster_size // _STEP_FACTOR)
        clustering.threshold *= _THRESHOLD_FACTOR


def _embedding_model(pipeline: "Pipeline") -> object:
    return getattr(getattr(pipeline, "_embedding", None), "model_", None)
