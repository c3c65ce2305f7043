"""A process that does not outlive the one that started it, however that ends."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
"""As linux/prctl.h numbers it."""


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
