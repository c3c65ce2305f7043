"""A number for each host of this machine, and what follows from it: a folder, addresses, names.

A slot is taken while somebody holds the lock on its file, and the kernel drops the lock of a killed process.
Where several workers share the tests, each has slots of its own, so that none clears, or takes, what another looks at.
"""

import fcntl
import os
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hosts.image import CACHE

STORE_PORT = 9000
"""The one port of this machine that a host can reach."""
_FOLDER = CACHE / "hosts"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_NUMBERS = range(1 + _WORKER, 255, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One of 254. Its addresses are those set aside for tests of networks (RFC 2544), and private ones (RFC 4193)."""

    number: int

    @property
    def name(self):
        return f"drt-host-{self.number}"

    @property
    def folder(self):
        return _FOLDER / str(self.number)

    @property
    def inside(self):
        """The host's end of the wire."""
        return f"198.18.{self.number}.2"

    @property
    def outside(self):
        """This machine's end of it: the host's way out, its nameserver, and where its store is."""
        return f"198.18.{self.number}.1"

    @property
    def inside6(self):
        return f"fd00:198:18:{self.number}::2"

    @property
    def outside6(self):
        return f"fd00:198:18:{self.number}::1"


@contextmanager
def free_slot(clear):
    """Take a slot nobody has; `clear` is called with every one that a killed run left, and with this one at the end."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    _clear_after_the_killed(clear)
    with ExitStack() as held:
        slot = next(slot for number in _NUMBERS if (slot := held.enter_context(_held(number))))
        try:
            slot.folder.mkdir()
            yield slot
        finally:
            clear(slot)
            shutil.rmtree(slot.folder)


def _clear_after_the_killed(clear):
    for number in [number for number in _NUMBERS if Path(_FOLDER, str(number)).is_dir()]:
        with _held(number) as slot:
            if slot:
                clear(slot)
                shutil.rmtree(slot.folder, ignore_errors=True)  # another run may have been quicker


@contextmanager
def _held(number):
    """Hold the lock and give the slot; give None where somebody else holds it."""
    with Path(_FOLDER, f"{number}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield Slot(number=number)
