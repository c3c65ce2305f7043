"""Record how a result was produced."""

import importlib.metadata
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.job import LoadedJob
from diarize_runner.transcript.formats.provenance import CacheReference, Provenance
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer

PACKAGES = ("torch", "torchaudio", "pyannote.audio", "numpy", "av", "diarize-runner")
"""Packages that affect a result."""


def provenance_of(loaded: LoadedJob, diarizer: "Diarizer", manifest: CacheManifest) -> Provenance:
    """Return the provenance, with digests of the inputs as they were read."""
    job = loaded.job
    return Provenance(
        tool=f"diarize-runner {__version__}",
        cache=CacheReference(
            name=manifest.name,
            version=manifest.version,
            manifest=manifest.digest,
            requirements=manifest.requirements.content.digest,
        ),
        engine=diarizer.engine,
        device=diarizer.device,
        packages={name: importlib.metadata.version(name) for name in PACKAGES if name != "diarize-runner"},
        audio=loaded.recording.digest,
        audio_seconds=loaded.recording.duration,
        transcript=loaded.transcript.digest,
        hints=job.task.hints,
        channel=job.audio.channel,
        stream=job.audio.stream,
        rules=job.rules if job.transcript else None,
    )
