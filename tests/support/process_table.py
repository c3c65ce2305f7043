"""The processes of this machine, as /proc shows them."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process with its environment."""

    id: int
    command: str
    variables: dict

    def kill(self):
        """Kill it, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.id, signal.SIGKILL)


def every_process():
    """Yield each process that this user may inspect."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            words, entries = (_split(folder / name) for name in ("cmdline", "environ"))
            variables = dict(entry.partition("=")[::2] for entry in entries)
            yield Process(id=int(folder.name), command=" ".join(words), variables=variables)


def _split(path):
    return path.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
