"""What is being worked on: a folder of its own, which is moved on as a whole.

claimed/<stem>/             the recording, and its transcript
claimed/<stem>/.claim.json  written when all is there: their names, and how many runs have begun on them
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from diarize_runner.disk import flush, move_folder, write_atomically
from diarize_runner.errors import SpoolError
from diarize_runner.spool.inbox import Arrival, visible
from diarize_runner.transcript.names import is_transcript

_RECORD_NAME = ".claim.json"
_LONGEST_STEM = 200
"""Bytes. File systems take names of 255, and results and numbers need some of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A folder in `claimed/` that has its record."""

    folder: Path
    names: tuple[str, ...]
    """What came; all else in the folder is a run's."""
    attempts: int = 0

    @property
    def stem(self) -> str:
        """What its files are called."""
        return self.folder.name

    def recording(self) -> Path:
        """Return the one recording; raise SpoolError when there is another number of them, or it is no plain file."""
        recordings = [path for path in self._paths() if not is_transcript(path)]
        if not recordings:
            raise SpoolError(f"no recording came for {', '.join(self.names)}", hint="drop both into the inbox")
        return self._only(recordings)

    def transcript(self) -> Path | None:
        """Return the transcript, if there is one; raises as `recording` does."""
        transcripts = [path for path in self._paths() if is_transcript(path)]
        return self._only(transcripts) if transcripts else None

    def counted(self, attempts: int) -> "Claim":
        """Write down how many runs have begun on it."""
        record = {"names": self.names, "attempts": attempts}
        write_atomically(self.folder / _RECORD_NAME, json.dumps(record).encode())
        return replace(self, attempts=attempts)

    def deliver(self, results: Mapping[str, bytes], into: Path) -> Path:
        """Write results, named by what follows the stem, and move the folder `into` another; return its place there.

        What a run wrote that did not survive is of no worth: it goes first.
        """
        for path in self.folder.iterdir():
            if path.name not in (*self.names, _RECORD_NAME):
                path.unlink()
        for suffix, data in results.items():
            write_atomically(self.folder / f"{self.stem}{suffix}", data)
        place = _free(into, self.stem)
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
                f"{names} cannot both be {self.stem}", hint="give each a name of its own, and drop it again"
            )
        if paths[0].is_symlink() or not paths[0].is_file():
            raise SpoolError(f"{paths[0].name} is not a plain file", hint="drop the file itself")
        return paths[0]


def take(arrival: Arrival, claimed: Path) -> Claim:
    """Move the files of an arrival out of the inbox.

    Who copied them may not have flushed them, and a power cut must not empty what was delivered as labelled.
    """
    folder = claimed / os.fsdecode(os.fsencode(arrival.stem)[:_LONGEST_STEM])
    folder.mkdir()
    flush(claimed)
    for path in arrival.paths:
        _flush_content(path)
        path.rename(folder / path.name)
    flush(folder)
    flush(arrival.paths[0].parent)
    return Claim(folder=folder, names=tuple(path.name for path in arrival.paths)).counted(0)


def _flush_content(path: Path) -> None:
    with suppress(PermissionError):  # the labeller will say that it may not be read
        if path.is_file() and not path.is_symlink():
            flush(path)


def unfinished(claimed: Path, inbox: Path) -> list[Claim]:
    """Return what a run claimed and did not finish. What it was only about to claim goes back to the inbox."""
    folders = visible(claimed)
    for folder in folders:
        if not (folder / _RECORD_NAME).exists():
            _give_back(folder, inbox)
    return [_read(folder) for folder in folders if folder.exists()]


def _read(folder: Path) -> Claim:
    record = json.loads((folder / _RECORD_NAME).read_bytes())
    return Claim(folder=folder, names=tuple(record["names"]), attempts=record["attempts"])


def _give_back(folder: Path, inbox: Path) -> None:
    for path in folder.iterdir():
        if path.name.startswith("."):
            path.unlink()  # a record that was being written
        else:
            path.rename(_free(inbox, path.stem, path.suffix))
    flush(inbox)
    folder.rmdir()


def _free(folder: Path, stem: str, suffix: str = "") -> Path:
    """Return a path where nothing is: with a number, if something has the name."""
    path, number = folder / f"{stem}{suffix}", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
