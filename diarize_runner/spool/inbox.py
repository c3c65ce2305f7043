"""The files in the inbox, by stem: `call.wav` belongs with `call.json`, and with `call.wav.json`.

Stems are compared in Unicode NFC, since copies from macOS have decomposed accents (NFD).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.transcript.names import is_transcript

TRANSCRIPT_WAIT_SECONDS = 600.0
"""How long a transcript waits for its recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InboxFiles:
    """The files of one stem."""

    stem: str
    paths: tuple[Path, ...]
    unchanged_seconds: float
    """Seconds since the last change of any of them was seen."""

    def is_ready(self, settle: float) -> bool:
        """Whether no file changed for `settle` seconds, or for TRANSCRIPT_WAIT_SECONDS without a recording."""
        no_recording = all(is_transcript(path) for path in self.paths)
        return self.unchanged_seconds >= (max(settle, TRANSCRIPT_WAIT_SECONDS) if no_recording else settle)


def list_visible(folder: Path) -> list[Path]:
    """Return the entries of a folder, except names that begin with a dot."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


class Inbox:
    """Tracks how long each file in the inbox is unchanged.

    File times are only compared with each other, since the system clock may be set: back, and a recording would wait
    that long; forward, and it would be claimed half copied.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[_FileState, float]] = {}

    def scan(self, paths: Iterable[Path], now: float) -> list[InboxFiles]:
        """Return the files by stem, the longest unchanged first; folders are ignored.

        `now` is in seconds of a monotonic clock.
        """
        before, self._seen = self._seen, {}
        by_stem: dict[str, list[Path]] = defaultdict(list)
        paths = list(paths)
        recordings = {_normalize(path.name): _normalize(path.stem) for path in paths if not is_transcript(path)}
        for path in paths:
            with suppress(FileNotFoundError):  # removed since it was listed
                if path.is_symlink() or not path.is_dir():
                    state = _FileState.of(path)
                    previous, since = before.get(path, (state, now))
                    self._seen[path] = state, since if previous == state else now
                    stem = _normalize(path.stem)
                    by_stem[recordings.get(stem, stem) if is_transcript(path) else stem].append(path)
        stems = sorted(by_stem, key=partial(self._sort_key, by_stem))
        return [self._files_of(stem, by_stem[stem], now) for stem in stems]

    def _files_of(self, stem: str, paths: list[Path], now: float) -> InboxFiles:
        last_change = max(self._seen[path][1] for path in paths)
        return InboxFiles(stem=stem, paths=tuple(paths), unchanged_seconds=now - last_change)

    def _sort_key(self, by_stem: Mapping[str, list[Path]], stem: str) -> tuple[float, int, str]:
        seen = [self._seen[path] for path in by_stem[stem]]
        return max(since for _, since in seen), max(state.ctime_ns for state, _ in seen), stem


def _normalize(name: str) -> str:
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _FileState:
    """What changes when a file is written or replaced."""

    inode: int
    size: int
    ctime_ns: int
    """Set by the kernel at every write and rename; the modification time may be that of the original."""

    @classmethod
    def of(cls, path: Path) -> "_FileState":
        status = path.lstat()
        return cls(inode=status.st_ino, size=status.st_size, ctime_ns=status.st_ctime_ns)
