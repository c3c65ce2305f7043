"""Download wheels with pip, which uses the settings, proxies and cache of the user."""

import lzma
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from diarize_runner.cache.documents.pins import Target
from diarize_runner.child import child_environment
from diarize_runner.digests import Digest, hash_file
from diarize_runner.errors import IntegrityError, SourceError
from diarize_runner.redaction import redact

_ERROR, _HASH_MISMATCH = "ERROR: ", "DO NOT MATCH THE HASHES"
"""Markers in the output of pip."""
_OPTIONS = ("--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--progress-bar=off")
_TARGET = Target(python="3.11")
"""Every build host takes the wheel for this Python, so that one digest pins it. The wheel is not installed."""
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for a damaged file; RuntimeError if the file looks encrypted or needs a newer version."""


@contextmanager
def download_wheel(requirement: str, digest: Digest | None = None) -> Iterator["Wheel"]:
    """Download the wheel of a pinned requirement for `_TARGET`; with `digest`, accept only that file.

    Raises:
        SourceError: there is no such wheel, or the index cannot be reached.
        IntegrityError: the index's wheel has another digest.
    """
    with tempfile.TemporaryDirectory(prefix="diarize-runner-") as folder:
        pinned = f"{requirement} --hash={digest}" if digest else requirement
        pip_download([pinned], Path(folder), requirement, _TARGET)
        (path,) = Path(folder).glob("*.whl")
        yield Wheel(path)


def pip_download(requirements: Sequence[str], folder: Path, label: str, target: Target) -> None:
    """Download a wheel for `target` of each of `requirements` to `folder`, except those that are there.

    `label` names the requirements in errors.

    Raises:
        SourceError: a wheel cannot be fetched, or the index cannot be reached.
        IntegrityError: the index's wheel has none of the required digests.
    """
    arguments = [*_OPTIONS, *target.pip_options(), f"--dest={folder}", "--requirement=/dev/stdin"]
    done = subprocess.run(  # noqa: S603  # no shell, our own arguments
        [sys.executable, "-I", "-m", "pip", "download", *arguments],
        input="".join(f"{line}\n" for line in requirements),
        env=child_environment(TMPDIR=str(folder)),  # removed with the folder, even if pip is killed
        capture_output=True,
        text=True,
        check=False,
    )
    if _HASH_MISMATCH in done.stderr:
        hint = "find out whether the index or the network changed it, then run: diarize-runner cache resolve"
        raise IntegrityError(f"{label}: the index's wheel is not the one that the lock pins", hint=hint)
    if done.returncode:
        lines = (done.stderr.strip() or "pip printed no error").splitlines()
        reason = ([line for line in lines if line.startswith(_ERROR)] or lines)[-1].removeprefix(_ERROR)
        wheel = f"a wheel for CPython {target.python} on Linux x86-64"
        hint = f"check that your package index has {wheel}, and that pip can reach it: pip download"
        raise SourceError(f"{label}: {redact(reason)}", hint=hint)


class Wheel:
    """A wheel on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def digest(self) -> Digest:
        """Hash the file."""
        return hash_file(self.path).digest

    def read_member(self, name: str) -> bytes:
        """Read one file of the wheel; raise SourceError if it is missing or damaged."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        except KeyError:
            raise SourceError(f"{self.path.name} holds no {name}", hint="list its files: unzip -l") from None
        except _ZIP_ERRORS as reason:
            message = f"{self.path.name}: {name} cannot be unpacked: {reason or type(reason).__name__}"
            raise SourceError(message, hint="test it: unzip -t") from reason
