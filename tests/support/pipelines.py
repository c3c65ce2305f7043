"""pyannote's SpeakerDiarization with small random networks, and recordings whose voices are tones.

Pipeline, clustering and network classes are pyannote's; the networks have fewer and narrower layers, and chunks of 2 s.
A script replaces the segmentation where a test is not about it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.embedding.wespeaker.resnet import BasicBlock, ResNet
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import SlidingWindow, SlidingWindowFeature
from support.twins import write_plda

from diarize_runner.diarization import campplus as campplus_module
from diarize_runner.diarization.campplus import CAMPlusPlus
from diarize_runner.diarization.ge2e import GE2EEncoder

RATE = 16_000
CHUNK, STEP = 2.0, 0.2
"""Seconds."""
SLOTS = 3
VOICES = {"ada": 150.0, "bo": 440.0, "cy": 2_200.0}
"""Hertz."""
CLUSTERINGS = {
    "VBxClustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
    "AgglomerativeClustering": {"method": "centroid", "min_cluster_size": 2, "threshold": 0.7},
}
Blocks = Sequence[tuple[int, int]]
"""The number of layers and the dilation of each dense block of CAM++."""
ALL_BLOCKS: Blocks = campplus_module._BLOCKS
FEW_BLOCKS: Blocks = ((2, 1), (2, 2), (2, 2))
"""Of each kind of layer two, which load and run in a fifth of the time."""
OF_A_CHUNK = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=CHUNK)

Script = Mapping[str, Sequence[tuple[float, float]]]
"""By voice, the start and end of each turn in seconds."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread, which is faster for such small networks."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def campplus_of(blocks: Blocks) -> Iterator[None]:
    """Give CAM++ these dense blocks, in this process alone, while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(campplus_module, "_BLOCKS", blocks)
        yield


def pipeline(
    folder, *, clustering: str = "VBxClustering", embedding: str = "WeSpeaker", blocks: Blocks = ALL_BLOCKS
) -> SpeakerDiarization:
    """Return a new pipeline with community-1's parameters; equal arguments give equal pipelines.

    `blocks` are the dense blocks of CAM++.
    """
    with campplus_of(blocks):
        encoder = EMBEDDINGS[embedding]()
    made = SpeakerDiarization(
        segmentation=segmentation_model(),
        embedding=encoder,
        embedding_exclude_overlap=True,
        plda=PLDA(*write_plda(folder)),
        clustering=clustering,
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    return made.instantiate({"clustering": CLUSTERINGS[clustering], "segmentation": {"min_duration_off": 0.0}})


def segmentation_model() -> PyanNet:
    """Return a network like segmentation-3.0, with scaled-up random weights, so that speakers come and go."""
    torch.manual_seed(3)
    model = PyanNet(sincnet={"stride": 10}, lstm={"hidden_size": 16, "num_layers": 2}, linear={"num_layers": 0})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=CHUNK,
        warm_up=(0.0, 0.0),
        classes=[f"speaker#{number + 1}" for number in range(SLOTS)],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    with torch.no_grad():
        model.classifier.weight *= 100
    return model.eval()


def wespeaker() -> WeSpeakerResNet34:
    """Return WeSpeaker's network with 4 instead of 16 blocks; its embeddings are centred like trained ones."""
    torch.manual_seed(34)
    model = WeSpeakerResNet34()
    model.resnet = ResNet(BasicBlock, [1, 1, 1, 1], m_channels=8, feat_dim=80, embed_dim=256, two_emb_layer=False)
    as_if_trained(model.resnet)
    model.specifications = OF_A_CHUNK
    model.eval()
    with torch.inference_mode():
        voices = model(torch.stack([tone(each, CHUNK) for each in VOICES.values()])[:, None])
        model.resnet.seg_1.bias -= voices.mean(dim=0)
    return model


def campplus() -> CAMPlusPlus:
    """Return the embedded cache's speaker encoder with random weights; its embeddings are centred like trained ones."""
    torch.manual_seed(192)
    model = CAMPlusPlus()
    for layer in as_if_trained(model).modules():
        if isinstance(layer, torch.nn.Conv1d | torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    model.specifications = OF_A_CHUNK
    model.eval()
    with torch.inference_mode():
        voices = model(torch.stack([tone(each, CHUNK) for each in VOICES.values()])[:, None])
        model.network.xvector.dense.nonlinear.batchnorm.running_mean += voices.mean(dim=0)
    return model


def ge2e() -> GE2EEncoder:
    """Return the speaker encoder of embedded caches of release 0.1.0, untrained."""
    torch.manual_seed(256)
    model = GE2EEncoder()
    model.specifications = OF_A_CHUNK
    return model.eval()


EMBEDDINGS = {"WeSpeaker": wespeaker, "CAM++": campplus, "GE2E": ge2e}


def as_if_trained(network: torch.nn.Module) -> torch.nn.Module:
    """Set random statistics and weights in every batch norm."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d) and layer.affine:
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, 0, 0.1)
    return network


def tone(hertz: float, seconds: float) -> torch.Tensor:
    """Return a tone and its overtones."""
    time = torch.arange(round(seconds * RATE)) / RATE
    return sum(torch.sin(2 * torch.pi * hertz * part * time) / (10 * part) for part in (1, 2, 3))


def recording(script: Script, samples: int) -> torch.Tensor:
    """Return a recording of the script with `samples` samples and a little noise."""
    sound = torch.randn(samples, generator=torch.Generator().manual_seed(0)) / 1000
    for voice, turns in script.items():
        for start, end in turns:
            first, last = round(start * RATE), min(round(end * RATE), samples)
            sound[first:last] += tone(VOICES[voice], CHUNK * 10)[first:last]
    return sound


@contextmanager
def scripted(made: SpeakerDiarization, script: Script) -> Iterator[None]:
    """Replace the segmentation network with the script; each voice keeps its slot."""
    before = made.get_segmentations
    made.get_segmentations = lambda file, hook: segmentations(script, file["waveform"].shape[1])
    try:
        yield
    finally:
        made.get_segmentations = before


def segmentations(script: Script, samples: int) -> SlidingWindowFeature:
    """Return the perfect segmentation of a recording of the script with `samples` samples."""
    frames = segmentation_model().num_frames(round(CHUNK * RATE))
    beyond = max(0, samples - round(CHUNK * RATE))
    chunks = 1 + -(-beyond // round(STEP * RATE))
    times = (np.arange(chunks) * STEP)[:, None] + (np.arange(frames) + 0.5) * CHUNK / frames
    active = np.zeros((chunks, frames, SLOTS), dtype=np.float32)
    for slot, voice in enumerate(VOICES):
        for start, end in script.get(voice, ()):
            active[:, :, slot] += (start <= times) & (times < end) & (times < samples / RATE)
    return SlidingWindowFeature(active, SlidingWindow(start=0.0, duration=CHUNK, step=STEP))
