"""Record how a result was produced."""

import importlib.metadata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.diarization.turns import NO_HINTS
from diarize_runner.jobs.job import LoadedJob
from diarize_runner.transcript.formats.provenance import CacheReference, Provenance, TranscriptionReference
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.transcription.transcriber import Transcription

TRANSCRIPTION_PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime", "tokenizers", "numpy")
"""Packages that affect a transcript."""
PACKAGES = ("torch", "torchaudio", "pyannote.audio", "numpy", "av", "diarize-runner")
"""Packages that affect a result."""


def provenance_of(loaded: LoadedJob, diarizer: "Diarizer", manifest: CacheManifest) -> Provenance:
    """Return the provenance, with digests of the inputs as they were read."""
    job = loaded.job
    return Provenance(
        tool=f"diarize-runner {__version__}",
        cache=cache_reference(manifest),
        engine=diarizer.engine,
        device=diarizer.device,
        packages=_versions(name for name in PACKAGES if name != "diarize-runner"),
        audio=loaded.recording.digest,
        audio_seconds=loaded.recording.duration,
        transcript=loaded.transcript.digest,
        hints=job.task.hints,
        channel=job.audio.channel,
        stream=job.audio.stream,
        rules=job.rules if loaded.has_transcript else None,
        transcription=loaded.transcription,
    )


def provenance_of_transcript(loaded: LoadedJob, manifest: CacheManifest) -> Provenance:
    """Return the provenance of a transcript without speakers."""
    made = loaded.transcription
    if made is None:
        raise ValueError("the transcript was read from a file")
    return Provenance(
        tool=f"diarize-runner {__version__}",
        cache=cache_reference(manifest),
        engine=None,
        device=made.device,
        packages=made.packages,
        audio=loaded.recording.digest,
        audio_seconds=loaded.recording.duration,
        transcript=loaded.transcript.digest,
        hints=NO_HINTS,
        channel=loaded.job.audio.channel,
        stream=loaded.job.audio.stream,
        transcription=made,
    )


def transcription_reference(made: "Transcription") -> TranscriptionReference:
    """Return how a transcript was made."""
    options = made.options
    return TranscriptionReference(
        model=made.model.repo.repo_id,
        commit_hash=made.model.repo.commit_hash,
        device=made.device,
        compute_type=made.compute_type,
        batch_size=options.batch_size,
        language=options.language,
        task=options.task,
        vad=options.vad,
        words=options.words,
        packages=_versions(TRANSCRIPTION_PACKAGES),
        alignment=made.alignment,
    )


def cache_reference(manifest: CacheManifest) -> CacheReference:
    """Return the version that a manifest describes."""
    return CacheReference(
        name=manifest.name,
        version=manifest.version,
        manifest=manifest.digest,
        requirements=manifest.requirements.content.digest,
    )


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in packages}
