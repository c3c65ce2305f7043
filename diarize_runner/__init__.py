"""Locked, verified model caches for offline, token-free speaker diarization.

A build host turns a short request into a published model cache; a box turns that cache into
speaker-labelled transcripts, offline and without a token; a harness says how fast.

    store         where published caches lie: a folder, S3, HTTP
    cache         request -> lock -> staged cache -> archive -> store -> restored -> VerifiedCache
    diarization   VerifiedCache + Recording -> Diarization
    transcript    Transcript + Diarization -> LabelledTranscript -> JSON, SRT, RTTM
    jobs          one recording -> one labelled result, which all that follow call
    benchmark     Recording* -> Measurement* -> BenchmarkReport
    spool         files dropped into a folder -> the same files, labelled
    doctor        a box -> Diagnosis: good, not as provisioned, or broken
    fleet         Order -> Box* -> Ansible's inventory: the operator's side, on EC2
    api           `open_session`, for Python
    cli           the one command, `diarize-runner`
    start         what runs first: no module comes out of the working folder

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
    "DiarizeRunnerError": "diarize_runner.errors",
}
"""What Python callers use, and where it is; imported when it is asked for."""

if TYPE_CHECKING:
    from diarize_runner.api.session import OpenSession, open_session
    from diarize_runner.diarization.turns import Diarization, SpeakerTurn
    from diarize_runner.errors import DiarizeRunnerError
    from diarize_runner.transcript.model import LabelledTranscript

__all__ = [
    "Diarization",
    "DiarizeRunnerError",
    "LabelledTranscript",
    "OpenSession",
    "SpeakerTurn",
    "__version__",
    "open_session",
]


def __getattr__(name: str) -> object:
    """Import what is public when it is first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
