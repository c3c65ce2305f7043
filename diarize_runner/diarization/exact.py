"""The exact engine: a faster SpeakerDiarization of pyannote, with the same output.

It replaces methods of one loaded pipeline and its models; no class or module of pyannote is patched.
It checks that the pipeline has the parts it needs, and that the embeddings agree within a tolerance.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diarize_runner.diarization.clustering import limit_memory
from diarize_runner.diarization.embedding import EmbeddingPass, FramePoolingModel
from diarize_runner.diarization.reconstruction import count_speakers, reconstruct, to_annotation
from diarize_runner.diarization.segmentation import SegmentationPass, convolve_chunk_by_chunk
from diarize_runner.diarization.trunk import (
    ResNetEmbeddingModel,
    UtteranceEmbeddingModel,
    optimize_network,
    optimize_trunk,
)

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

_BATCH_SIZE = {"cpu": 1, "cuda": 32}
"""On a CPU, the activations of one chunk fit in a core's cache. A GPU needs larger batches."""
_TOLERANCE = 1e-4
"""Accepted difference, relative to the largest value. Another summation order in float32 makes about 1e-6."""


class UnsupportedPipeline(Exception):
    """The exact engine does not support the pipeline; the message gives the reason."""


def make_exact(pipeline: "Pipeline", device: torch.device) -> None:
    """Replace the slow methods of a pipeline that is already on `device`.

    Raises:
        UnsupportedPipeline: the exact engine does not support the pipeline, which stays unchanged.
    """
    embedding = getattr(pipeline, "_embedding", None)
    model = getattr(embedding, "model_", None)
    if embedding is None or not isinstance(model, torch.nn.Module) or not isinstance(model, FramePoolingModel):
        raise UnsupportedPipeline("its embedding model cannot encode a chunk once and pool it for each speaker")
    optimized = _optimize(model, device)
    empty_mask_embedding = _check_embeddings(model, optimized, device)
    segmentation, audio = pipeline._segmentation, pipeline._audio  # noqa: SLF001  # the new methods need them
    threads = torch.get_num_threads()
    if device.type == "cpu":
        convolve_chunk_by_chunk(segmentation.model)
        pipeline.get_segmentations = SegmentationPass(inference=segmentation, threads=threads)
    pipeline.speaker_count = count_speakers
    limit_memory(pipeline.clustering)
    pipeline.reconstruct, pipeline.to_annotation = reconstruct, to_annotation
    pipeline.get_embeddings = EmbeddingPass(
        model=optimized,
        audio=audio,
        device=device,
        batch_size=_BATCH_SIZE.get(device.type, 1),
        threads=threads,
        min_samples=embedding.min_num_samples,
        empty_mask_embedding=empty_mask_embedding.cpu().numpy(),
    )


def _optimize(model: FramePoolingModel, device: torch.device) -> FramePoolingModel:
    if isinstance(model, ResNetEmbeddingModel):
        return optimize_trunk(model, device)
    return optimize_network(model, device) if isinstance(model, UtteranceEmbeddingModel) else model


def _check_embeddings(stock: torch.nn.Module, optimized: FramePoolingModel, device: torch.device) -> Tensor:
    """Check that both models embed 1 s of noise equally, and 1 s of silence; return the embedding of an empty mask."""
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) / 10
    waveforms = torch.stack([noise, torch.zeros_like(noise)])[:, None].to(device)
    masks = torch.ones(2, 3, 50, device=device)
    masks[:, 1, 25:] = 0
    masks[:, 2] = 0
    with torch.inference_mode():
        expected = torch.stack([stock(waveforms, weights=masks[:, slot]) for slot in range(3)], dim=1)
        found = optimized.forward_embedding(optimized.forward_frames(waveforms), masks)
    if not _close(found, expected):
        raise UnsupportedPipeline(
            "its embedding model gives different embeddings when it encodes a chunk once for all speakers"
        )
    if not _close(found[0, 2], found[1, 2]):
        raise UnsupportedPipeline("its embedding of an empty mask depends on the audio")
    return found[0, 2]


def _close(found: Tensor, expected: Tensor) -> bool:
    largest = float(expected.nan_to_num().abs().max())
    return torch.allclose(found, expected, rtol=0, atol=_TOLERANCE * largest, equal_nan=True)
