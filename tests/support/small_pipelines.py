"""A restored cache whose pipeline loads in a second: the networks of `pipelines`, as pyannote's own files."""

from pathlib import Path

import torch
from support import pipelines, twins
from support.caches import PIPELINE, Site

SEGMENTATION, VOICES, COMMUNITY_1 = "acme/segmentation", "acme/voices", twins.COMMUNITY_1
CONFIG = b"""\
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    segmentation: acme/segmentation
    embedding: acme/voices
params:
  clustering: {method: centroid, min_cluster_size: 2, threshold: 0.7}
  segmentation: {min_duration_off: 0.0}
"""
"""As speaker-diarization-3.1 has it: the models by their repositories, and the PLDA left to the default."""


def restored(folder: Path, mark: float | None = None) -> Path:
    """Return a restored version in a new folder; a `mark` is the first bias of its segmentation, which hears nobody."""
    segmentation = pipelines.segmentation_model()
    if mark is not None:
        with torch.no_grad():
            segmentation.classifier.bias[0] = mark
    site = Site(folder=folder)
    site.publish(
        repos={
            PIPELINE: {"config.yaml": CONFIG},
            SEGMENTATION: {"pytorch_model.bin": twins.checkpoint_of(segmentation)},
            VOICES: {"pytorch_model.bin": twins.checkpoint_of(pipelines.ge2e())},
            COMMUNITY_1: {f"plda/{name}": data for name, data in twins._plda().items()},
        }
    )
    return site.restore().cache.root
