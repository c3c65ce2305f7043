"""How often a recording was tried, and its last error: an object beside the results, until the recording is done.

An attempt is counted before it begins, so that a recording which kills its worker each time is given up in the end.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from diarize_runner.cache.documents.canonical import parse, serialise
from diarize_runner.errors import (
    AudioError,
    DiarizeRunnerError,
    ObjectNotFound,
    StoreError,
    SwapConflict,
    TranscriptError,
)
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import StoredDocument, WritableArchiveStore

_FORMAT: Final = "batch-attempts"
_READING: Final = "read failures"
_PERMANENT: Final = (AudioError, TranscriptError)
"""Errors of the recording itself: another attempt would end the same way."""
_DIED: Final = "the worker died each time, while it had this recording"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempts:
    """The attempts at one recording."""

    key: str
    count: int = 0
    error: str | None = None
    """Of the last attempt; None if that has not ended, or its worker died."""
    hint: str = ""
    permanent: bool = False
    """Whether another attempt would end the same way."""

    def may_try_again(self, limit: int) -> bool:
        """Whether a worker may try the recording."""
        return not self.permanent and self.count < limit

    @property
    def problem(self) -> str:
        """Return the error, in words."""
        return self.error or _DIED

    def failed(self, error: DiarizeRunnerError) -> "Attempts":
        """Return the attempts with the error of the last one."""
        permanent = isinstance(error, _PERMANENT)
        return replace(self, error=error.message, hint=error.hint, permanent=permanent)

    def encode(self) -> bytes:
        """Return the JSON."""
        return serialise(
            {
                "format": f"diarize-runner/{_FORMAT}/1",
                "key": self.key,
                "attempts": self.count,
                "error": self.error,
                "hint": self.hint,
                "permanent": self.permanent,
            }
        )

    @classmethod
    def decode(cls, data: bytes, document: str) -> "Attempts":
        """Parse what `encode` returned. Raises ManifestError."""
        node = parse(data, document)
        node.require_format(_FORMAT, 1)
        fields = node.fields(["format", "key", "attempts", "error", "hint", "permanent"])
        return cls(
            key=str(fields["key"].value),
            count=fields["attempts"].count(),
            error=str(fields["error"].value) if fields["error"].value else None,
            hint=str(fields["hint"].value),
            permanent=fields["permanent"].flag(),
        )


class AttemptLog:
    """The attempts at the recordings of one configuration."""

    def __init__(self, store: WritableArchiveStore, configuration: str) -> None:
        self._store, self._folder = store, f"{configuration}/attempts/"

    def names(self) -> Iterator[str]:
        """Yield the name of every recording that was tried, and is not done."""
        for key in self._store.keys(self._folder):
            yield key.removeprefix(self._folder).removesuffix(".json")

    def read(self, name: str) -> Attempts | None:
        """Return the attempts at a recording; None if there was none. Raises StoreError, ManifestError."""
        found = self._read(name)
        return Attempts.decode(found.data, self._key(name)) if found else None

    def read_each(self, tried: Iterable[str], progress: Progress) -> dict[str, Attempts]:
        """Return the attempts at recordings that were tried. Raises StoreError, ManifestError."""
        names = sorted(tried)
        found = run_parallel(_READING, [Job(work=partial(self.read, name), size=1) for name in names], progress)
        return {name: attempts for name, attempts in zip(names, found, strict=True) if attempts}

    def forget(self, name: str) -> None:
        """Delete the attempts at a recording."""
        self._store.delete(self._key(name))

    @contextmanager
    def attempt(self, name: str, key: str) -> Iterator[None]:
        """Count an attempt for the block. Raises StoreError.

        An error that ends the block concerns every recording, so the attempt is taken back.
        """
        self._change(name, key, lambda before: replace(before, count=before.count + 1, error=None, hint=""))
        try:
            yield
        except BaseException:
            with suppress(StoreError):
                self._change(name, key, lambda before: replace(before, count=max(0, before.count - 1)))
            raise

    def record_failure(self, name: str, key: str, error: DiarizeRunnerError) -> Attempts:
        """Record the error of the last attempt; return all attempts. Raises StoreError."""
        return self._change(name, key, lambda before: before.failed(error))

    def _change(self, name: str, key: str, change: Callable[[Attempts], Attempts]) -> Attempts:
        """Change the object. Another worker may change it in between: then its count is kept, and ours is lost."""
        found = self._read(name)
        before = Attempts.decode(found.data, self._key(name)) if found else Attempts(key=printable(key))
        after = change(before)
        with suppress(SwapConflict):
            self._store.swap(self._key(name), after.encode(), expected=found)
        return after

    def _read(self, name: str) -> StoredDocument | None:
        with suppress(ObjectNotFound):
            return self._store.read(self._key(name))
        return None

    def _key(self, name: str) -> str:
        return f"{self._folder}{name}.json"


def printable(key: str) -> str:
    """Return a key as text that JSON can hold: bytes that are not UTF-8 become U+FFFD."""
    return key.encode(errors="surrogateescape").decode(errors="replace")
