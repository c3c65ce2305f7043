"""Confine a process that reads untrusted bytes: it opens no files, obeys resource limits, and dies with its parent."""

import signal
from dataclasses import dataclass
from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_NOFILE, setrlimit

from diarize_runner.child import die_with_parent

_STANDARD_STREAMS = 3
"""stdin, stdout and stderr, the only open descriptors."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceLimits:
    """Resources that a confined process may use."""

    memory: int
    """Bytes of address space."""
    cpu_seconds: int
    """Seconds of one core."""
    file_bytes: int
    """Largest file that it may write, in bytes."""


def confine(allowance: ResourceLimits, parent: int) -> None:
    """Apply the limits to this process, whose parent has the process id `parent`.

    The process cannot open files or sockets afterwards, so import modules first.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too and ends this process
    die_with_parent(parent)
    limits = {
        RLIMIT_AS: allowance.memory,
        RLIMIT_CORE: 0,
        RLIMIT_FSIZE: allowance.file_bytes,
        RLIMIT_NOFILE: _STANDARD_STREAMS,
    }
    for resource, limit in limits.items():
        setrlimit(resource, (limit, limit))
    setrlimit(
        RLIMIT_CPU, (allowance.cpu_seconds, allowance.cpu_seconds + 1)
    )  # SIGXCPU, unlike SIGKILL, names the cause
