"""Label what a spool takes up, with a session."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import Job
from diarize_runner.jobs.session import Session
from diarize_runner.progress import Telling
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.known import FORMATS

_RESULTS = ("json", "rttm", "srt", "html")


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLabeller:
    """Labels by the pipeline that was loaded."""

    session: Session
    progress: Telling

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return results by how their names end; raises as `Job.hear` and `Session.run` do."""
        job = Job(audio=AudioFile(path=recording), transcript=transcript)
        result = self.session.run(job.hear(), self.progress)
        document = Document(
            transcript=result.labelled,
            sound=quote(os.fsencode(recording.name)),  # the page is put beside it
            provenance=result.provenance,
        )
        return {
            f".labelled{FORMATS[kind].suffix}": FORMATS[kind].render(document).encode()
            for kind in _RESULTS
            if transcript or not FORMATS[kind].needs_transcript
        }
