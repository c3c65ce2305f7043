"""A restored cache whose pipeline loads in a second: the networks of `pipelines`, in pyannote's file formats."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

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
"""Like speaker-diarization-3.1: it names models by repo_id, and takes the default PLDA."""

NO_MODELS: Mapping[str, dict[str, bytes]] = MappingProxyType({})


def restored(folder: Path, mark: float | None = None, models: Mapping[str, dict[str, bytes]] = NO_MODELS) -> Path:
    """Return a restored version in `folder`; `mark` sets the segmentation's bias for silence, to tell caches apart.

    `models` holds the files of further repositories.
    """
    site = Site(folder=folder)
    site.publish(repos={**repos(pipelines.campplus(), mark), **models})
    return site.restore().cache.root


def repos(voices: torch.nn.Module, mark: float | None = None) -> dict[str, dict[str, bytes]]:
    """Return the files of a cache whose speaker encoder is `voices`."""
    segmentation = pipelines.segmentation_model()
    if mark is not None:
        with torch.no_grad():
            segmentation.classifier.bias[0] = mark
    return {
        PIPELINE: {"config.yaml": CONFIG},
        SEGMENTATION: {"pytorch_model.bin": twins.checkpoint_of(segmentation)},
        VOICES: {"pytorch_model.bin": twins.checkpoint_of(voices)},
        COMMUNITY_1: {f"plda/{name}": data for name, data in twins._plda().items()},
    }
