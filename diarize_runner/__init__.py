"""Locked, verified model caches for offline, token-free speaker diarization.

A build host turns a short request into a published model cache; a box turns that cache into
speaker-labelled transcripts, offline and without a token; a benchmark measures how fast.

    store         published caches in a folder, in S3 or behind a web server
    cache         request -> lock -> staged cache -> archive -> store -> restored -> VerifiedCache
    diarization   VerifiedCache + Recording -> Diarization
    transcript    Transcript + Diarization -> LabelledTranscript -> JSON, SRT, RTTM
    transcription VerifiedCache + Recording -> Transcript
    alignment     Transcript + Recording -> the same words, with times from forced alignment
    jobs          one recording -> one labelled result, shared by the packages below
    benchmark     Recording* -> Measurement* -> BenchmarkReport
    spool         files dropped into a folder -> the same files, labelled
    service       uploads -> jobs of a queue -> results, over HTTP
    doctor        a box -> Diagnosis: good, not as provisioned, or broken
    fleet         FleetSpec -> Box* -> Ansible inventory, on EC2
    api           `open_session`, for Python
    cli           the command `diarize-runner`
    start         entry point; keeps the working folder off `sys.path`

Importing this package, or running any `cache` command, needs neither torch nor pyannote.audio.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from diarize_runner.version import __version__

_PUBLIC = {
    "open_session": "diarize_runner.api.session",
    "OpenSession": "diarize_runner.api.session",
    "Diarization": "diarize_runner.diarization.turns",
    "SpeakerTurn": "diarize_runner.diarization.turns",
    "LabelledTranscript": "diarize_runner.transcript.model",
    "TranscriptionOptions": "diarize_runner.transcription.options",
    "DiarizeRunnerError": "diarize_runner.errors",
}
"""The public Python API and its modules, imported on first use."""

if TYPE_CHECKING:
    from diarize_runner.api.session import OpenSession, open_session
    from diarize_runner.diarization.turns import Diarization, SpeakerTurn
    from diarize_runner.errors import DiarizeRunnerError
    from diarize_runner.transcript.model import LabelledTranscript
    from diarize_runner.transcription.options import TranscriptionOptions

__all__ = [
    "Diarization",
    "DiarizeRunnerError",
    "LabelledTranscript",
    "OpenSession",
    "SpeakerTurn",
    "TranscriptionOptions",
    "__version__",
    "open_session",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
