"""The fast engine: the exact engine, except that each second of audio passes through the embedding network once.

Where the clustering has a minimum cluster size, the segmentation window moves twice as far, and that size is halved.
"""

from typing import TYPE_CHECKING

import torch

from diarize_runner.diarization.blocks import BlockEmbeddingPass, block_grid
from diarize_runner.diarization.campplus import CAMPlusPlus
from diarize_runner.diarization.campplus_frames import separate_frames
from diarize_runner.diarization.engines import EXACT, FAST, Engine
from diarize_runner.diarization.exact import UnsupportedPipeline, make_exact
from diarize_runner.diarization.trunk import ResNetEmbeddingModel

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

    from diarize_runner.diarization.embedding import EmbeddingPass

_BLOCK_SECONDS = {"cpu": 10.0, "cuda": 30.0}
"""Of ResNets. On a CPU, the activations of longer blocks do not fit in a core's cache."""
_BLOCK_SECONDS_OF_CAMPPLUS = 20.0
_CONTEXT_SECONDS = 1.0
_BATCH_SIZE = {"cpu": 1, "cuda": 16}
"""Blocks."""
_STEP_FACTOR = 2


def default_engine(pipeline: "Pipeline") -> Engine:
    """Return `fast` for the embedded models, which have no stock output to keep to; `exact` for pyannote's."""
    return FAST if isinstance(_embedding_model(pipeline), CAMPlusPlus) else EXACT


def make_fast(pipeline: "Pipeline", device: torch.device) -> None:
    """Replace the slow methods of a pipeline that is already on `device`.

    Raises:
        UnsupportedPipeline: the fast engine does not support the pipeline, which stays unchanged.
    """
    loaded = _embedding_model(pipeline)
    if not isinstance(loaded, CAMPlusPlus | ResNetEmbeddingModel):
        raise UnsupportedPipeline("its embedding model has no frames that chunks can share")
    make_exact(pipeline, device)
    exact: EmbeddingPass = pipeline.get_embeddings
    model, block_seconds = exact.model, _BLOCK_SECONDS.get(device.type, 10.0)
    if isinstance(loaded, CAMPlusPlus):
        model, block_seconds = separate_frames(loaded, device), _BLOCK_SECONDS_OF_CAMPPLUS
    pipeline.get_embeddings = BlockEmbeddingPass(
        model=model,
        audio=exact.audio,
        device=device,
        grid=block_grid(model, device, block_seconds, _CONTEXT_SECONDS),
        batch_size=_BATCH_SIZE.get(device.type, 1),
        threads=exact.threads,
        min_samples=exact.min_samples,
        empty_mask_embedding=exact.empty_mask_embedding,
    )
    _move_further(pipeline)


def _move_further(pipeline: "Pipeline") -> None:
    """Move the segmentation window further, if the clustering counts embeddings: a speaker has fewer of them then."""
    smallest = getattr(pipeline.clustering, "min_cluster_size", None)
    if isinstance(smallest, int):
        pipeline._segmentation.step *= _STEP_FACTOR  # noqa: SLF001  # the pipeline has no other way
        pipeline.clustering.min_cluster_size = max(1, smallest // _STEP_FACTOR)


def _embedding_model(pipeline: "Pipeline") -> object:
    return getattr(getattr(pipeline, "_embedding", None), "model_", None)
