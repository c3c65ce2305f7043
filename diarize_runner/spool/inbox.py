"""What lies in the inbox, by stem: `call.wav` and `call.json` are one arrival.

Accents may be composed in one name and decomposed in another, as a copy by way of macOS has them: they are one stem.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.transcript.names import is_transcript

LONELY_SECONDS = 600.0
"""How long a transcript waits for its recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """Every file of one stem."""

    stem: str
    paths: tuple[Path, ...]
    changed: float
    """When one of them changed last: seconds since the epoch."""

    def ready(self, now: float, settle: float) -> bool:
        """Whether nothing has changed it for `settle` seconds; without a recording, for as long as it waits for one."""
        alone = all(is_transcript(path) for path in self.paths)
        return now - self.changed >= (max(settle, LONELY_SECONDS) if alone else settle)


def visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, but for names that begin with a dot."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def arrivals(paths: Iterable[Path]) -> list[Arrival]:
    """Return what came, the longest unchanged first. A folder is nobody's recording: it stays where it is.

    The kernel sets the time of change, at every write and rename; the time of modification can be the original's.
    """
    found: dict[str, dict[Path, float]] = defaultdict(dict)
    for path in paths:
        if path.is_symlink() or not path.is_dir():
            with suppress(FileNotFoundError):  # whoever put it there took it away again
                found[unicodedata.normalize("NFC", path.stem)][path] = path.lstat().st_ctime
    by_stem = (
        Arrival(stem=stem, paths=tuple(files), changed=max(files.values())) for stem, files in found.items() if files
    )
    return sorted(by_stem, key=lambda arrival: (arrival.changed, arrival.stem))
