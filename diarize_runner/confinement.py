"""Confine a process that reads bytes from anybody: it opens nothing, and ends within its limits and with its parent."""

import signal
from dataclasses import dataclass
from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, setrlimit

from diarize_runner.child import die_with_parent

_OPEN = 3
"""stdin, stdout, stderr."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What a confined process may use."""

    memory: int
    """Bytes of address space."""
    cpu_seconds: int
    """Seconds of one core."""
    file_bytes: int
    """Bytes of a file that it writes."""


def confine(allowance: Allowance, parent: int) -> None:
    """Apply the limits to this process, whose parent has the id `parent`.

    It can open no file and no socket from here on: import first what it needs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it too, and ends this process
    die_with_parent(parent)
    most = {
        RLIMIT_AS: allowance.memory,
        RLIMIT_CORE: 0,
        RLIMIT_FSIZE: allowance.file_bytes,
        RLIMIT_NOFILE: _OPEN,
    }
    for resource, limit in most.items():
        setrlimit(resource, (limit, limit))
    setrlimit(RLIMIT_CPU, (allowance.cpu_seconds, allowance.cpu_seconds + 1))  # SIGXCPU names the cause, SIGKILL not
