"""Divide a stream of recordings into chunks."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from diarize_runner.batch.inputs import InputRecording

LARGEST: Final = 8
"""Recordings of a chunk: a node fetches the next one while it diarizes one."""
SHARE: Final = 4
"""A chunk takes at most this part of what is left for each slot, so that all slots end at about the same time."""


class Chunks:
    """Divides a stream; at most `LARGEST * SHARE` recordings per slot are read ahead, so that a long one streams."""

    def __init__(self, recordings: Iterator[InputRecording]) -> None:
        self._recordings = recordings
        self._ahead: deque[InputRecording] = deque()

    def take(self, slots: int) -> tuple[InputRecording, ...]:
        """Return the next chunk for a cluster with this many slots; an empty one at the end."""
        slots = max(1, slots)
        self._ahead.extend(islice(self._recordings, max(0, LARGEST * SHARE * slots - len(self._ahead))))
        size = max(1, min(LARGEST, len(self._ahead) // (SHARE * slots)))
        return tuple(self._ahead.popleft() for _ in range(min(size, len(self._ahead))))

    def put_back(self, recordings: Iterable[InputRecording]) -> None:
        """Take these recordings again, before all others."""
        self._ahead.extendleft(reversed(tuple(recordings)))
