"""Keep the voice of a person, as `diarize-runner voices enroll` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import Audio
from diarize_runner.jobs.enrolment import enroll_in
from diarize_runner.progress import ConsoleProgress
from diarize_runner.voices.file import find_voices
from diarize_runner.voices.names import parse_voice_name

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import DecodedRecording
    from diarize_runner.diarization.engine import Diarizer


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolment:
    """A person's name and decoded recordings, and the file for the voice."""

    name: str
    recordings: Sequence["DecodedRecording"]
    path: Path

    @classmethod
    def prepare(cls, name: str, recordings: Sequence[Audio], voices_file: str | Path) -> "Enrolment":
        """Check the name and the file, then decode the recordings.

        Raises:
            UsageError: the name is a label or unreadable, or the file has a voice of it.
            AudioError: a recording cannot be decoded.

        It also raises as `VoiceFile.load` does.
        """
        name, path = _parse_name(name), Path(voices_file).absolute()
        if file := find_voices(path):
            file.require_new(name)
        return cls(name=name, recordings=[each.decode() for each in recordings], path=path)

    def run(self, diarizer: "Diarizer", progress: ConsoleProgress) -> float:
        """Write the voice to the file; return its seconds of speech.

        Raises:
            VoiceError: several people speak, one for too short a time, or another model made the voices in the file.
            PipelineError: the pipeline failed on a recording.
            DiskError: the file cannot be written.
        """
        return enroll_in(self.path, self.name, self.recordings, diarizer, progress).seconds


def _parse_name(name: str) -> str:
    try:
        return parse_voice_name(name)
    except ValueError as reason:
        raise UsageError(str(reason), hint="pass the name of the person, as results show it") from reason
