"""Say how a result came about, from the objects that made it."""

import importlib.metadata
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.audio import digest_of_file
from diarize_runner.jobs.job import Heard
from diarize_runner.transcript.formats.provenance import CacheUsed, Provenance
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer

PACKAGES = ("torch", "torchaudio", "pyannote.audio", "numpy", "av", "diarize-runner")
"""What a result depends on."""


def provenance_of(heard: Heard, diarizer: "Diarizer", manifest: CacheManifest) -> Provenance:
    """Hash what was given; raise DiskError when a file of it cannot be read."""
    job = heard.job
    return Provenance(
        tool=f"diarize-runner {__version__}",
        cache=CacheUsed(
            name=manifest.name,
            version=manifest.version,
            manifest=manifest.digest,
            requirements=manifest.requirements.content.digest,
        ),
        engine=diarizer.engine,
        device=diarizer.device,
        packages={name: importlib.metadata.version(name) for name in PACKAGES if name != "diarize-runner"},
        audio=job.audio.digest(),
        audio_seconds=heard.recording.duration,
        transcript=digest_of_file(job.transcript) if job.transcript else None,
        hints=job.task.hints,
        channel=job.audio.channel,
        rules=job.rules if job.transcript else None,
    )
