"""Label the recordings of a spool."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from diarize_runner.diarization.channels import Channel
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.batch import BatchSession
from diarize_runner.jobs.job import Job, Task
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.registry import default_formats

_RESULTS = ("json", "rttm", "srt", "html")


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLabeller:
    """Labels recordings with a session."""

    session: BatchSession
    progress: ConsoleProgress
    task: Task
    channel: Channel = None

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return the result files, by suffix; raises as `Job.load` and `Session.run` do."""
        job = Job(audio=AudioFile(path=recording, channel=self.channel), transcript=transcript, task=self.task)
        loaded = job.load()
        self.session.announce(loaded, self.progress)
        result = self.session.run(loaded, self.progress)
        for warning in result.labelled.warnings:
            self.progress.print_line(
                one_line(f"{os.fsencode(recording.name).decode(errors='replace')}: warning: {warning}")
            )
        document = Document(
            transcript=result.labelled,
            audio_src=quote(os.fsencode(recording.name)),  # the page lies beside the recording
            provenance=result.provenance,
        )
        formats = default_formats(result.provenance)
        return {
            f".labelled{formats[kind].suffix}": formats[kind].render(document).encode()
            for kind in _RESULTS
            if result.provenance.transcript or not formats[kind].needs_transcript
        }
