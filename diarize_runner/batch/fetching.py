"""Fetch the next recordings while one is diarized.

A recording goes to a file without a name: nothing is left on the disk, however the process ends. The files that wait
have at most `BatchPlan.prefetch_bytes` together, or are a single one.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from diarize_runner.batch.inputs import InputRecording
from diarize_runner.bounds import MAX_FILE_BYTES
from diarize_runner.disk import disk_errors
from diarize_runner.errors import DiarizeRunnerError, StoreError
from diarize_runner.store.protocol import StoredObject, WritableArchiveStore

_THREADS: Final = 2
"""One recording of a store arrives slower than two do."""
_MOST_FILES: Final = 64
"""Open at once; a process may open 1,024 by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedRecording:
    """A recording on the local disk, and its transcript."""

    recording: InputRecording
    audio: BinaryIO
    """Open at its start, without a name."""
    transcript: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotFetched:
    """A recording that could not be fetched."""

    recording: InputRecording
    error: DiarizeRunnerError


_Fetching: TypeAlias = "Future[FetchedRecording | NotFetched]"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Queue:
    """Recordings whose fetch has begun, and those that are left."""

    left: deque[InputRecording]
    max_bytes: int
    begun: deque[tuple[InputRecording, _Fetching]] = field(default_factory=deque)

    def fill(self, begin: Callable[[InputRecording], _Fetching]) -> None:
        """Begin to fetch as many as there is room for; one, if none waits."""
        while self.left and (not self.begun or self._has_room_for(self.left[0])):
            following = self.left.popleft()
            self.begun.append((following, begin(following)))

    def _has_room_for(self, following: InputRecording) -> bool:
        size = sum(each.audio.size for each, _ in self.begun) + following.audio.size
        return size <= self.max_bytes and len(self.begun) < _MOST_FILES


class Fetcher:
    """Fetches recordings and their transcripts."""

    def __init__(self, recordings: WritableArchiveStore, transcripts: WritableArchiveStore, max_bytes: int) -> None:
        self._recordings, self._transcripts, self._max_bytes = recordings, transcripts, max_bytes

    def fetch(self, wanted: Iterable[InputRecording]) -> Iterator[FetchedRecording | NotFetched]:
        """Yield each recording, in order, and fetch the next ones meanwhile; a file is closed when the next is asked.

        Raises:
            DiskError: the local disk takes no file.
        """
        queue = _Queue(left=deque(wanted), max_bytes=self._max_bytes)
        with ThreadPoolExecutor(_THREADS, "fetch") as pool:
            try:
                queue.fill(lambda each: pool.submit(self._fetch, each))
                while queue.begun:
                    found = queue.begun.popleft()[1].result()
                    queue.fill(lambda each: pool.submit(self._fetch, each))
                    yield found
                    _close(found)
            finally:
                for _, future in queue.begun:
                    _discard(future)

    def _fetch(self, recording: InputRecording) -> FetchedRecording | NotFetched:
        try:
            text = (
                self._transcripts.read(recording.transcript.key, MAX_FILE_BYTES).data if recording.transcript else None
            )
            return FetchedRecording(recording=recording, audio=self._audio(recording.audio), transcript=text)
        except StoreError as error:
            return NotFetched(recording=recording, error=error)

    def _audio(self, wanted: StoredObject) -> BinaryIO:
        with disk_errors(Path(tempfile.gettempdir())), ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile(prefix="diarize-runner-"))
            for chunk in self._recordings.read_range(wanted.key, 0, wanted.size):
                file.write(chunk)
            self._require_unchanged(wanted, file.tell())
            file.seek(0)
            stack.pop_all()  # its reader closes it
            return file

    def _require_unchanged(self, wanted: StoredObject, size: int) -> None:
        """Raise StoreError if the object is no longer the one that was listed: its result would have a wrong name."""
        if self._recordings.find(wanted.key) != wanted or size != wanted.size:
            raise StoreError(f"{wanted.key} changed while it was fetched", hint="run again")


def _close(found: FetchedRecording | NotFetched) -> None:
    if isinstance(found, FetchedRecording):
        found.audio.close()


def _discard(future: _Fetching) -> None:
    """Cancel a fetch, or close its file once it has one."""
    if not future.cancel():
        with suppress(DiarizeRunnerError):
            _close(future.result())
