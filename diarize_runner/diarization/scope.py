"""What holds for one block of code and for every thread that starts in it, and for nothing else in the process.

A context variable reaches the block and the tasks of asyncio. A new thread starts with an empty context, so
`Thread.start` is wrapped, to note which block each thread starts in: those of libraries, too. (Python 3.12 has an audit
event for it, 3.10 has not.) Threads that native code starts are beyond it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, wraps
from weakref import WeakKeyDictionary


@dataclass(kw_only=True, slots=True, eq=False)
class _Block:
    outer: "_Block | None"
    is_open: bool = True

    @property
    def holds(self) -> bool:
        return self.is_open or (self.outer is not None and self.outer.holds)


_block: ContextVar[_Block | None] = ContextVar("_block", default=None)
_threads: WeakKeyDictionary[threading.Thread, _Block] = WeakKeyDictionary()
"""The block that each thread was started in."""


@contextmanager
def scope() -> Iterator[None]:
    """Open a scope until the block ends; scopes can be nested."""
    _watch_threads()
    block = _Block(outer=_innermost())
    token = _block.set(block)
    try:
        yield
    finally:
        block.is_open = False
        _block.reset(token)


def in_scope() -> bool:
    """Whether the calling thread is in a block that is still open, or was started in one."""
    block = _innermost()
    return block is not None and block.holds


def _innermost() -> _Block | None:
    return _block.get() or (_threads.get(threading.current_thread()) if _threads else None)


@cache
def _watch_threads() -> None:
    """Wrap `Thread.start`, once per process."""
    start = threading.Thread.start

    @wraps(start)
    def start_noted(thread: threading.Thread) -> None:
        block = _innermost()
        if block and block.holds:
            _threads[thread] = block
        start(thread)

    threading.Thread.start = start_noted  # type: ignore[method-assign,assignment]  # its type is not one to assign
