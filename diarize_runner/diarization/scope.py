"""A scope that covers one block of code and every thread started in it, but no other thread of the process.

A context variable covers the block and asyncio tasks. A new thread starts with an empty context, so `Thread.start` is
wrapped to record the block that starts each thread, including threads of libraries. (Python 3.12 has an audit event for
this, 3.10 has not.) Threads that native code starts are not covered.
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
    def is_active(self) -> bool:
        return self.is_open or (self.outer is not None and self.outer.is_active)


_block: ContextVar[_Block | None] = ContextVar("_block", default=None)
_threads: WeakKeyDictionary[threading.Thread, _Block] = WeakKeyDictionary()
"""The block that started each thread."""


@contextmanager
def scope() -> Iterator[None]:
    """Open a scope for the block; scopes can be nested."""
    _watch_threads()
    block = _Block(outer=_innermost())
    token = _block.set(block)
    try:
        yield
    finally:
        block.is_open = False
        _block.reset(token)


def in_scope() -> bool:
    """Return whether the calling thread is in an open scope or was started in a scope that is still open."""
    block = _innermost()
    return block is not None and block.is_active


def _innermost() -> _Block | None:
    return _block.get() or (_threads.get(threading.current_thread()) if _threads else None)


@cache
def _watch_threads() -> None:
    """Wrap `Thread.start`, once per process."""
    start = threading.Thread.start

    @wraps(start)
    def start_in_scope(thread: threading.Thread) -> None:
        block = _innermost()
        if block and block.is_active:
            _threads[thread] = block
        start(thread)

    threading.Thread.start = start_in_scope  # type: ignore[method-assign,assignment]  # a method cannot be assigned to
