"""Wheels of the package index, by way of pip: its settings, proxies and cache are the user's own."""

import lzma
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from diarize_runner.cache.builder.secrets import redacted
from diarize_runner.child import child_environment
from diarize_runner.digests import Digest, content_of_file
from diarize_runner.errors import IntegrityError, SourceError

_ERROR, _OTHER_DIGEST = "ERROR: ", "DO NOT MATCH THE HASHES"
"""What pip says."""
_OPTIONS = ("--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--progress-bar=off")
_HOW_TO_ASK = "has your package index a wheel of it, and can pip reach it? see: pip download"
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, OverflowError, RuntimeError, ValueError)
"""What `zipfile` raises at a damaged file; a RuntimeError when it takes it for encrypted, or for a later version's."""


@contextmanager
def downloaded(requirement: str, digest: Digest | None = None) -> Iterator["Wheel"]:
    """Download a pinned requirement's wheel; with `digest`, pip takes none but that very file.

    Raises:
        SourceError: there is no such wheel, or the index cannot be reached.
        IntegrityError: the index has it with another digest alone.
    """
    with tempfile.TemporaryDirectory(prefix="diarize-runner-") as folder:
        download([f"{requirement} --hash={digest}" if digest else requirement], Path(folder), requirement)
        (path,) = Path(folder).glob("*.whl")
        yield Wheel(path)


def download(requirements: Sequence[str], folder: Path, described: str, options: Sequence[str] = ()) -> None:
    """Let pip choose a wheel for each of `requirements` and leave it in `folder`, unless that very file is there.

    `described` is what errors call the whole.

    Raises:
        SourceError: one cannot be had, or the index cannot be reached.
        IntegrityError: the index has one with other digests alone.
    """
    arguments = [*_OPTIONS, *options, f"--dest={folder}", "--requirement=/dev/stdin"]
    done = subprocess.run(  # noqa: S603  # no shell, our own arguments
        [sys.executable, "-I", "-m", "pip", "download", *arguments],
        input="".join(f"{line}\n" for line in requirements),
        env=child_environment(TMPDIR=str(folder)),  # what a killed pip leaves goes when the folder goes
        capture_output=True,
        text=True,
        check=False,
    )
    if _OTHER_DIGEST in done.stderr:
        hint = "it was replaced there, or altered on the way: find out which, then run: diarize-runner cache resolve"
        raise IntegrityError(f"{described}: the index's wheel is not the one that the lock pins", hint=hint)
    if done.returncode:
        said = (done.stderr.strip() or "pip said nothing").splitlines()
        reason = ([line for line in said if line.startswith(_ERROR)] or said)[-1].removeprefix(_ERROR)
        raise SourceError(f"{described}: {redacted(reason)}", hint=_HOW_TO_ASK)


class Wheel:
    """A wheel on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def digest(self) -> Digest:
        """Hash the file."""
        return content_of_file(self.path).digest

    def member(self, name: str) -> bytes:
        """Read one file of the wheel; raise SourceError when it has none of that name."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        except KeyError:
            raise SourceError(f"{self.path.name} holds no {name}", hint="look inside it: unzip -l") from None
        except _DAMAGED as reason:
            message = f"{self.path.name}: {name} cannot be unpacked: {reason or type(reason).__name__}"
            raise SourceError(message, hint="look inside it: unzip -t") from reason
