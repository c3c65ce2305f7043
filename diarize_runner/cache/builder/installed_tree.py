"""Install wheels into a folder as an environment image holds them: the same wheels give the same files.

uv writes console scripts, which name the build host's Python, and `uv_cache.json`, which holds times: both are removed,
and their lines in RECORD, too.
"""

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from diarize_runner.cache.builder import byte_code
from diarize_runner.cache.builder.image_tools import ImageTools
from diarize_runner.cache.documents.pins import Pin
from diarize_runner.child import child_environment
from diarize_runner.errors import IntegrityError, SourceError
from diarize_runner.redaction import redact

LEFT_OUT = (
    "*.a",  # static libraries
    "bin/*",  # console scripts
    "numpy/_core/include/*",  # headers, which only compilers read
    "nvidia/*/include/*",
    "torch/bin/protoc*",  # the compiler of protocol buffers, with which torch was built
    "torch/include/*",
)
"""Files that nothing loads while a recording is diarized or transcribed; 180 MB for torch 2.11."""
HOST_FILES = ("bin/*", "../../../bin/*", "*.dist-info/uv_cache.json")
"""Files that say where and when they were installed: their paths in a folder of packages and in an environment."""
_PLATFORM = "x86_64-manylinux_2_28"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledTree:
    """The folder of an image's packages."""

    root: Path
    tools: ImageTools
    python: str
    """Such as `3.11`."""

    def install(self, pins: Sequence[Pin], wheels: Path, uv: Path, workspace: Path) -> None:
        """Install the wheels of `wheels` that `pins` name, and no others.

        Raises:
            SourceError: uv refuses; a wheel that differs from its pin is one reason.
            IntegrityError: a package lacks a file that its RECORD lists.
        """
        lines = "".join(f"{pin.line}\n" for pin in pins)
        offline = ["--no-config", "--offline", "--no-build", "--no-index", "--no-deps", "--require-hashes"]
        target = [f"--python={self.tools.interpreters[self.python]}", f"--python-version={self.python}"]
        folders = [f"--find-links={wheels.absolute()}", f"--target={self.root}", f"--cache-dir={workspace / 'uv'}"]
        options = [*offline, *target, f"--python-platform={_PLATFORM}", *folders, "--quiet", "--requirement=/dev/stdin"]
        run_tool([str(uv), "pip", "install", *options], f"the packages for Python {self.python}", lines)
        shutil.rmtree(workspace / "uv")
        records = sorted(self.root.glob("*.dist-info/RECORD"))
        for record in records:
            unlist_host_files(record)
        self._leave_out()
        for record in records:
            self._require_complete(record)

    def compile(self) -> None:
        """Write the byte-code of each module; raise SourceError when that fails."""
        interpreter = self.tools.interpreters[self.python]
        command = [
            interpreter,
            "-I",
            "-S",
            "-W",
            "ignore",
            byte_code.__file__,
            str(self.root),
            str(os.cpu_count() or 1),
        ]
        run_tool(command, f"the byte-code for Python {self.python}")
        for path in (self.root, *self.root.rglob("*")):
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)  # whatever the umask of the build host

    def pack(self, image: Path) -> None:
        """Write the folder to `image`; raise SourceError when that fails."""
        run_tool(self.tools.pack_command(self.root, image), image.name)

    def _leave_out(self) -> None:
        for path in sorted(self.root.rglob("*"), reverse=True):  # a folder comes after its files
            relative = str(path.relative_to(self.root))
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif is_left_out(relative, (*LEFT_OUT, *HOST_FILES)):
                path.unlink()

    def _require_complete(self, record: Path) -> None:
        for name in listed_files(record.read_text(encoding="utf-8")):
            if not is_left_out(name, LEFT_OUT) and not (self.root / name).is_file():
                message = f"{record.parent.name} lists {name}, which its wheel did not install"
                raise IntegrityError(message, hint="report it to the package's authors, or pin another version")


def is_left_out(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of `patterns` matches the path of a file in an image."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def listed_files(record: str) -> list[str]:
    """Return the paths that a RECORD lists."""
    return [row[0] for row in csv.reader(io.StringIO(record)) if row]


def unlist_host_files(record: Path) -> None:
    """Remove the lines of `HOST_FILES` from a RECORD, because their digests differ, and sort the others."""
    rows = csv.reader(io.StringIO(record.read_text(encoding="utf-8")))
    kept = sorted(row for row in rows if row and not is_left_out(row[0], HOST_FILES))
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(kept)
    record.unlink()  # it may be a hard link into the cache of uv
    record.write_text(written.getvalue(), encoding="utf-8")


def run_tool(command: Sequence[str], label: str, text: str = "") -> None:
    """Run a program with `text` as its input; raise SourceError about `label` with its last line when it fails."""
    done = subprocess.run(  # noqa: S603  # no shell, our own arguments
        command,
        input=text,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "it printed no error").splitlines()
        program = Path(command[0]).name
        raise SourceError(f"{label}: {program} failed: {redact(lines[-1].strip())}", hint=f"see: {program} --help")


def _environment() -> dict[str, str]:
    """Return the environment of a program; mksquashfs refuses SOURCE_DATE_EPOCH beside its own options."""
    inherited = child_environment(PYTHONHASHSEED="0")
    return {name: value for name, value in inherited.items() if name != "SOURCE_DATE_EPOCH"}
