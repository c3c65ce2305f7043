"""A labeller without a model, for tests of what happens around one."""

import os
import signal
from pathlib import Path

from diarize_runner.errors import UnreadableAudio
from diarize_runner.spool.run import Spool, run


class FakeLabeller:
    """Says of a recording what is in it; what is called bad it cannot read, and what is called deadly kills it."""

    def label(self, recording, transcript):
        content = recording.read_bytes()
        if content == b"bad":
            raise UnreadableAudio(f"cannot decode {recording.name}", hint="record it again")
        if content == b"deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        return {".labelled.json": content, ".labelled.srt": transcript.read_bytes() if transcript else b""}


def label_all(folder: Path):
    """Label all there is, at once."""
    return list(run(Spool(folder=folder), FakeLabeller, settle=0, clock=Impatient()))


class Impatient:
    """A clock on which every wait is long enough."""

    def __init__(self):
        self.later = 0.0

    def monotonic(self):
        return self.later

    def sleep(self, seconds):
        self.later += seconds
