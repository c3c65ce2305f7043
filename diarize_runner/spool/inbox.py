"""What lies in the inbox, by stem: `call.wav` and `call.json` are one arrival.

Accents may be composed in one name and decomposed in another, as a copy by way of macOS has them: they are one stem.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diarize_runner.transcript.names import is_transcript

LONELY_SECONDS = 600.0
"""How long a transcript waits for its recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """Every file of one stem."""

    stem: str
    paths: tuple[Path, ...]
    unchanged: float
    """Seconds since one of them was first seen as it is now."""

    def ready(self, settle: float) -> bool:
        """Whether nothing has changed it for `settle` seconds; without a recording, for as long as it waits for one."""
        alone = all(is_transcript(path) for path in self.paths)
        return self.unchanged >= (max(settle, LONELY_SECONDS) if alone else settle)


def visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, but for names that begin with a dot."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


class Inbox:
    """What came, and since when each file was seen to be as it is.

    Times that files carry are only compared with each other: the clock that they are of can be set, and a recording
    would wait for as long as it was set back, or be taken half copied when it is set forward.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[_Look, float]] = {}

    def look(self, paths: Iterable[Path], now: float) -> list[Arrival]:
        """Return what came, the longest unchanged first. A folder is nobody's recording: it stays where it is.

        `now` is in seconds of a clock that is never set.
        """
        before, self._seen = self._seen, {}
        by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in paths:
            with suppress(FileNotFoundError):  # whoever put it there took it away again
                if path.is_symlink() or not path.is_dir():
                    look = _Look.at(path)
                    known, since = before.get(path, (look, now))
                    self._seen[path] = look, since if known == look else now
                    by_stem[unicodedata.normalize("NFC", path.stem)].append(path)
        return [self._arrival(stem, by_stem[stem], now) for stem in sorted(by_stem, key=partial(self._order, by_stem))]

    def _arrival(self, stem: str, paths: list[Path], now: float) -> Arrival:
        return Arrival(stem=stem, paths=tuple(paths), unchanged=now - max(self._seen[path][1] for path in paths))

    def _order(self, by_stem: Mapping[str, list[Path]], stem: str) -> tuple[float, int, str]:
        seen = [self._seen[path] for path in by_stem[stem]]
        return max(since for _, since in seen), max(look.changed for look, _ in seen), stem


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What tells that a file was changed."""

    inode: int
    size: int
    changed: int
    """The kernel sets it at every write and rename, in ns; the time of modification can be the original's."""

    @classmethod
    def at(cls, path: Path) -> "_Look":
        status = path.lstat()
        return cls(inode=status.st_ino, size=status.st_size, changed=status.st_ctime_ns)
