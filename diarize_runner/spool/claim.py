"""A recording being processed, in a folder that is moved as a whole.

claimed/<stem>/             the recording, and its transcript
claimed/<stem>/.claim.json  written last: their names, and the number of attempts
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from diarize_runner.disk import flush, move_folder, write_atomically
from diarize_runner.errors import SpoolError
from diarize_runner.spool.inbox import InboxFiles, list_visible
from diarize_runner.transcript.names import is_transcript

_RECORD_NAME = ".claim.json"
_LONGEST_STEM = 200
"""Bytes. File names may have 255; suffixes of results and numbers need some of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A folder in `claimed/` with its record."""

    folder: Path
    names: tuple[str, ...]
    """The dropped files; a run wrote all others in the folder."""
    attempts: int = 0

    @property
    def stem(self) -> str:
        """Return the name of the files, without suffix."""
        return self.folder.name

    def recording(self) -> Path:
        """Return the recording; raise SpoolError when there is none, several, or it is a link or a folder."""
        recordings = [path for path in self._paths() if not is_transcript(path)]
        if not recordings:
            raise SpoolError(f"no recording for {', '.join(self.names)}", hint="put the recording into the inbox, too")
        return self._only(recordings)

    def transcript(self) -> Path | None:
        """Return the transcript or None; raise SpoolError when there are several, or it is a link or a folder."""
        transcripts = [path for path in self._paths() if is_transcript(path)]
        return self._only(transcripts) if transcripts else None

    def record_attempts(self, attempts: int) -> "Claim":
        """Write the number of attempts to the record; return the claim with it."""
        record = {"names": self.names, "attempts": attempts}
        write_atomically(self.folder / _RECORD_NAME, json.dumps(record).encode())
        return replace(self, attempts=attempts)

    def deliver(self, results: Mapping[str, bytes], into: Path) -> Path:
        """Write `results`, by suffix, and move the folder `into` another; return its new path.

        Deletes what a crashed run has left in the folder.
        """
        for path in self.folder.iterdir():
            if path.name not in (*self.names, _RECORD_NAME):
                path.unlink()
        for suffix, data in results.items():
            write_atomically(self.folder / f"{self.stem}{suffix}", data)
        place = _unused_path(into, self.stem)
        move_folder(self.folder, place)
        (place / _RECORD_NAME).unlink()
        flush(place)
        return place

    def _paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]

    def _only(self, paths: list[Path]) -> Path:
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise SpoolError(
                f"{names} have the same name", hint="rename one of them, and put both into the inbox again"
            )
        if paths[0].is_symlink() or not paths[0].is_file():
            raise SpoolError(f"{paths[0].name} is a link or a folder", hint="put the file itself into the inbox")
        return paths[0]


def claim_files(files: InboxFiles, claimed: Path) -> Claim:
    """Move files from the inbox to `claimed`.

    Flushes them to disk first: the copy may not be, and a power cut must not empty a delivered recording.
    """
    folder = claimed / os.fsdecode(os.fsencode(files.stem)[:_LONGEST_STEM])
    folder.mkdir()
    flush(claimed)
    for path in files.paths:
        _flush_content(path)
        path.rename(folder / path.name)
    flush(folder)
    flush(files.paths[0].parent)
    return Claim(folder=folder, names=tuple(path.name for path in files.paths)).record_attempts(0)


def _flush_content(path: Path) -> None:
    with suppress(PermissionError):  # the labeller reports that the file is not readable
        if path.is_file() and not path.is_symlink():
            flush(path)


def resume_claims(claimed: Path, inbox: Path) -> list[Claim]:
    """Return the unfinished claims; move folders without a record back to the inbox."""
    folders = list_visible(claimed)
    for folder in folders:
        if not (folder / _RECORD_NAME).exists():
            _return_to_inbox(folder, inbox)
    return [_read(folder) for folder in folders if folder.exists()]


def _read(folder: Path) -> Claim:
    record = json.loads((folder / _RECORD_NAME).read_bytes())
    return Claim(folder=folder, names=tuple(record["names"]), attempts=record["attempts"])


def _return_to_inbox(folder: Path, inbox: Path) -> None:
    for path in folder.iterdir():
        if path.name.startswith("."):
            path.unlink()  # a half-written record
        else:
            path.rename(_unused_path(inbox, path.stem, path.suffix))
    flush(inbox)
    folder.rmdir()


def _unused_path(folder: Path, stem: str, suffix: str = "") -> Path:
    """Return a path that does not exist, numbered if necessary."""
    path, number = folder / f"{stem}{suffix}", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
