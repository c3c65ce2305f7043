"""A process that does not outlive the one that started it, however that ends."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
"""As linux/prctl.h numbers it."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent is gone; end it now, if that was before this was asked for.

    `parent` is the process id of who started this one: after its death the kernel gives another.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
