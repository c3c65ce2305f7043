"""Name the speakers of a job: after the voices that are enrolled when it runs, or after the references that it has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.turns import SPEECH
from diarize_runner.digests import Digest, hash_bytes
from diarize_runner.errors import ManifestError, UsageError, VoiceError
from diarize_runner.jobs.device_lock import device_turn
from diarize_runner.jobs.enrolment import hear_speaker
from diarize_runner.jobs.naming import DiarizingSession, KnownSpeakers, NamingSession
from diarize_runner.progress import ConsoleProgress, NoProgress
from diarize_runner.service.folder import JobFolder
from diarize_runner.service.voices import load_voices
from diarize_runner.service.work import Work
from diarize_runner.service.workers.protocol import ModelSettings
from diarize_runner.voices.document import Voice, Voices
from diarize_runner.voices.file import VoiceFile, require_embedding_model

if TYPE_CHECKING:
    from diarize_runner.diarization.voices import SpeakerVoice

_HINT: Final = "tell the administrator of the server, or leave out known_speakers"
_SAMPLE: Final = np.dtype("<f4")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerNaming:
    """How the speakers of a job get names."""

    settings: ModelSettings
    folder: JobFolder
    """Of the job."""
    work: Work

    def session(self, session: DiarizingSession, progress: ConsoleProgress) -> NamingSession:
        """Return a session that names speakers.

        Raises:
            VoiceError: there are no voices, or they cannot be used; a client may read why.
            PipelineError: the pipeline failed on a reference.
        """
        file = self._referenced(session, progress) if self.work.references else self._enrolled(session)
        return KnownSpeakers(file=file, threshold=self.settings.voice_threshold).session(session)

    def _enrolled(self, session: DiarizingSession) -> VoiceFile:
        """Return the voices of the server."""
        if self.settings.voices is None:
            raise VoiceError("the speakers cannot be named: the box that ran the job has no voices", hint=_HINT)
        path = Path(self.settings.voices)
        try:
            file = load_voices(path)
            file.require_model(session.diarizer.embedding_model)
        except (ManifestError, UsageError, VoiceError) as error:
            message = error.message.replace(f"{path.parent}/", "")
            raise VoiceError(f"the speakers cannot be named: {message}", hint=_HINT) from error
        return file

    def _referenced(self, session: DiarizingSession, progress: ConsoleProgress) -> VoiceFile:
        """Return the voices of the references, as a file would have them; none is written."""
        model, digest = require_embedding_model(session.diarizer.embedding_model), self._digest()
        with device_turn(session.diarizer.device, progress):
            voices = tuple(self._voices(session))
        return VoiceFile(path=self.folder.path, digest=digest, content=Voices(model=model, voices=voices))

    def _voices(self, session: DiarizingSession) -> Iterator[Voice]:
        """Yield the voice of each reference, also as telephones would carry it."""
        for number, name in enumerate(self.work.references):
            waveform = np.fromfile(self.folder.reference(number), _SAMPLE)
            heard = _hear(Recording(uri=f"reference-{number}", waveform=waveform), session)
            if not heard:
                hint = "send a reference in which the person speaks for at least 2 s"
                raise VoiceError(f"the reference of {name} has too little speech", hint=hint)
            embeddings = tuple(tuple(map(float, each.embedding)) for each in heard)
            yield Voice(name=name, enrolled="", seconds=heard[0].seconds, embeddings=embeddings)

    def _digest(self) -> Digest:
        """Return the digest of all samples, for the provenance."""
        samples = (self.folder.reference(number).read_bytes() for number, _ in enumerate(self.work.references))
        return hash_bytes(b"".join(samples)).digest


def _hear(recording: Recording, session: DiarizingSession) -> "Sequence[SpeakerVoice]":
    """Return the voice of all speech in a recording of one person, in each version of it; none of too little speech."""
    diarizer = session.diarizer
    speech = diarizer.detect_speech(recording, NoProgress())
    return hear_speaker(SPEECH, recording, speech, diarizer, NoProgress())
