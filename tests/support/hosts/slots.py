"""A number for each host on this machine, which determines its folder, addresses and name.

A slot is in use while a process holds the lock on its file; the kernel drops the lock of a killed process. Each
pytest-xdist worker has its own slots, so that none clears a slot that another checks.
"""

import fcntl
import os
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hosts.image import CACHE

STORE_PORT = 9000
"""The only port of this machine that a host can reach."""
_FOLDER = CACHE / "hosts"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_NUMBERS = range(1 + _WORKER, 255, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One of 254 slots. Its addresses are for network tests (RFC 2544), and private (RFC 4193)."""

    number: int

    @property
    def name(self):
        return f"drt-host-{self.number}"

    @property
    def folder(self):
        return _FOLDER / str(self.number)

    @property
    def inside(self):
        """Return the address of the host."""
        return f"198.18.{self.number}.2"

    @property
    def outside(self):
        """Return the address of this machine: the host's gateway, nameserver and store."""
        return f"198.18.{self.number}.1"

    @property
    def inside6(self):
        return f"fd00:198:18:{self.number}::2"

    @property
    def outside6(self):
        return f"fd00:198:18:{self.number}::1"


@contextmanager
def free_slot(clear):
    """Yield a free slot; call `clear` with each slot that a killed run left, and with this one at the end."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(clear)
    with ExitStack() as held:
        slot = next(slot for number in _NUMBERS if (slot := held.enter_context(_held(number))))
        try:
            slot.folder.mkdir()
            yield slot
        finally:
            clear(slot)
            shutil.rmtree(slot.folder)


def _clear_abandoned(clear):
    for number in [number for number in _NUMBERS if Path(_FOLDER, str(number)).is_dir()]:
        with _held(number) as slot:
            if slot:
                clear(slot)
                shutil.rmtree(slot.folder, ignore_errors=True)  # another run may remove it, too


@contextmanager
def _held(number):
    """Hold the lock and yield the slot; yield None if another process holds it."""
    with Path(_FOLDER, f"{number}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield Slot(number=number)
