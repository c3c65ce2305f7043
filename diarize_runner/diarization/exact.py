"""The exact engine: pyannote's SpeakerDiarization, with the same output, sooner.

Methods of one loaded pipeline object are replaced; pyannote's own modules and classes stay as they are.
Whether a pipeline can take this is asked of what it holds, and that its embeddings stay the same is tried.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diarize_runner.diarization.embedding import EmbeddingPass, HearsOnce
from diarize_runner.diarization.reconstruction import reconstruct, to_annotation
from diarize_runner.diarization.segmentation import SegmentationPass, convolve_chunk_by_chunk
from diarize_runner.diarization.trunk import OnFeatures, prepared

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

_CHUNKS_AT_ONCE = {"cpu": 1, "cuda": 32}
"""On a CPU, what one chunk leaves behind still fits a core's cache. A GPU wants to be filled."""
_TOLERANCE = 1e-4
"""Of the largest value: a hundred times what another order of summation makes of a float32."""


class Unfit(Exception):
    """A pipeline that the exact engine cannot run; says why."""


def make_exact(pipeline: "Pipeline", device: torch.device) -> None:
    """Replace what can be done sooner in a pipeline that lies on `device` already.

    Raises:
        Unfit: the pipeline does not allow it, and was left as it is.
    """
    embedding = getattr(pipeline, "_embedding", None)
    model = getattr(embedding, "model_", None)
    if embedding is None or not isinstance(model, torch.nn.Module) or not isinstance(model, HearsOnce):
        raise Unfit("its embedding model cannot hear a chunk once and pool it for every speaker")
    sooner = prepared(model, device) if isinstance(model, OnFeatures) else model
    of_silence = _tried(model, sooner, device)
    segmentation, audio = pipeline._segmentation, pipeline._audio  # noqa: SLF001  # what the replaced methods use
    threads = torch.get_num_threads()
    if device.type == "cpu":
        convolve_chunk_by_chunk(segmentation.model)
        pipeline.get_segmentations = SegmentationPass(inference=segmentation, threads=threads)
    pipeline.reconstruct, pipeline.to_annotation = reconstruct, to_annotation
    pipeline.get_embeddings = EmbeddingPass(
        model=sooner,
        audio=audio,
        device=device,
        batch_size=_CHUNKS_AT_ONCE.get(device.type, 1),
        threads=threads,
        shortest=embedding.min_num_samples,
        of_silence=of_silence.cpu().numpy(),
    )


def _tried(stock: torch.nn.Module, sooner: HearsOnce, device: torch.device) -> Tensor:
    """Return what an empty mask gives, after one second of noise and one of silence gave the same either way."""
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) / 10
    waveforms = torch.stack([noise, torch.zeros_like(noise)])[:, None].to(device)
    masks = torch.ones(2, 3, 50, device=device)
    masks[:, 1, 25:] = 0
    masks[:, 2] = 0
    with torch.inference_mode():
        expected = torch.stack([stock(waveforms, weights=masks[:, slot]) for slot in range(3)], dim=1)
        found = sooner.forward_embedding(sooner.forward_frames(waveforms), masks)
    if not _close(found, expected):
        raise Unfit("its embedding model says something else when it hears a chunk once")
    if not _close(found[0, 2], found[1, 2]):
        raise Unfit("what its embedding model says of an empty mask depends on what it hears")
    return found[0, 2]


def _close(found: Tensor, expected: Tensor) -> bool:
    largest = float(expected.nan_to_num().abs().max())
    return torch.allclose(found, expected, rtol=0, atol=_TOLERANCE * largest, equal_nan=True)
