"""Pause Python's garbage collector while libraries are imported and models load.

torch and pyannote.audio have 5,000 modules: 800,000 objects, of which 99 % live as long as the process. The collector
examines them again and again while they are made. It also examines them each time it runs later, and when the process
ends, unless they are frozen:
https://docs.python.org/3/library/gc.html#gc.freeze
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from diarize_runner.diarization.shared_context import SharedContext


@contextmanager
def _pause() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _make_old()
            gc.enable()


def _make_old() -> None:
    """Move all objects to the oldest generation, without examining them, as three collections would do."""
    if not gc.get_freeze_count():  # what the caller has frozen stays so
        gc.freeze()
        gc.unfreeze()


without_collector = SharedContext(_pause)
"""Pause the collector for the block, in all threads, and leave it as it was."""


_frozen = threading.Event()
"""Whether a load froze the objects of this process."""


@contextmanager
def _freeze() -> Iterator[None]:
    with without_collector():
        _release_frozen()
        yield
        if not gc.get_freeze_count():  # the caller froze none
            gc.freeze()  # before the collector runs again
            _frozen.set()


def _release_frozen() -> None:
    """Free what an earlier load froze and nothing uses any more: a pipeline's parts form reference cycles."""
    if _frozen.is_set():
        _frozen.clear()
        gc.unfreeze()
        gc.collect()


freezing_objects = SharedContext(_freeze)
"""Pause the collector for the block, then freeze all objects of the process; use it only in our own processes."""
