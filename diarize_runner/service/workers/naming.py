"""Name the speakers of a job after the voices that are enrolled when it runs."""

from pathlib import Path
from typing import Final

from diarize_runner.errors import ManifestError, UsageError, VoiceError
from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers, NamingSession
from diarize_runner.service.voices import load_voices
from diarize_runner.service.workers.protocol import ModelSettings

_HINT: Final = "tell the administrator of the server, or leave out known_speakers"


def naming(session: DiarizingSession, settings: ModelSettings) -> NamingSession:
    """Return a session that names speakers.

    Raises:
        VoiceError: there are no voices, or they cannot be used; a client may read why.
    """
    if settings.voices is None:
        raise VoiceError("the speakers cannot be named: the box that ran the job has no voices", hint=_HINT)
    path = Path(settings.voices)
    try:
        return KnownSpeakers(file=load_voices(path), threshold=settings.voice_threshold).session(session)
    except (ManifestError, UsageError, VoiceError) as error:
        message = error.message.replace(f"{path.parent}/", "")
        raise VoiceError(f"the speakers cannot be named: {message}", hint=_HINT) from error
