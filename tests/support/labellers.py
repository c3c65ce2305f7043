"""A labeller without a model, for tests of the spool."""

import os
import signal
from pathlib import Path

from diarize_runner.errors import UnreadableAudio
from diarize_runner.spool.run import Spool, run


class FakeLabeller:
    """Returns the content of the recording; `bad` raises UnreadableAudio, and `deadly` kills the process."""

    def label(self, recording, transcript):
        content = recording.read_bytes()
        if content == b"bad":
            raise UnreadableAudio(f"cannot decode {recording.name}", hint="record it again")
        if content == b"deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return {".labelled.json": content, ".labelled.srt": transcript.read_bytes() if transcript else b""}


def label_all(folder: Path):
    """Run the spool, without waiting for files to settle."""
    return list(run(Spool(folder=folder), FakeLabeller, settle=0, clock=InstantClock()))


class InstantClock:
    """A clock whose sleeps return at once and advance it."""

    def __init__(self):
        self.elapsed = 0.0

    def monotonic(self):
        return self.elapsed

    def sleep(self, seconds):
        self.elapsed += seconds
