"""Say how a result came about, from the objects that made it."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner import __version__
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.digests import Digest, content_of_file
from diarize_runner.disk import disk_errors
from diarize_runner.transcript.formats.provenance import CacheUsed, Provenance

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording
    from diarize_runner.diarization.engine import Diarizer

PACKAGES = ("torch", "torchaudio", "pyannote.audio", "numpy", "av", "diarize-runner")
"""What a result depends on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What a result is made from."""

    audio: Path
    transcript: Path | None = None
    channel: int | None = None
    """From 1; None mixes all."""


def provenance_of(
    source: Source, recording: "Recording", diarizer: "Diarizer", manifest: CacheManifest, hints: SpeakerHints
) -> Provenance:
    """Hash the files of the `source`, which was heard as `recording`; raise DiskError when one cannot be read."""
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
        audio=_digest(source.audio),
        audio_seconds=recording.duration,
        transcript=_digest(source.transcript) if source.transcript else None,
        hints=hints,
        channel=source.channel,
    )


def _digest(path: Path) -> Digest:
    with disk_errors(path):
        return content_of_file(path).digest
