"""Fill a folder with everything that a bare machine needs to measure.

DIR/code/           this package
DIR/wheels/         what a plain torch machine lacks, and diarize_runner itself
DIR/twin/           the restored twin of community-1
DIR/voices.npz      voices to compose recordings from
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.engines.models import twin
from benchmarks.gpu import wheels
from benchmarks.gpu.bare import PREPARED
from benchmarks.gpu.recordings import write_voices
from diarize_runner.benchmark.compose.voices import voices
from diarize_runner.errors import UsageError

HERE = "here"
"""Instead of a version of Python: this environment serves, so no wheels are carried."""


def prepare(arguments: argparse.Namespace) -> None:
    """Fill the folder, and print its size.

    Raises:
        UsageError: the folder is not empty, or the wheels are too large.
        SourceError: a wheel cannot be downloaded.
    """
    folder: Path = arguments.folder
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="remove it, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as work:
        twin(Path(work))
        shutil.copytree(Path(work) / "twin/box", folder / "twin", symlinks=True)
    write_voices(folder, voices())
    _copy_code(folder / "code/benchmarks")
    if arguments.python != HERE:
        _carry_wheels(folder / "wheels", arguments)
    (folder / PREPARED).touch()
    sys.stdout.write(f"{folder}: {_megabytes(folder):.0f} MB\n")


def _carry_wheels(folder: Path, arguments: argparse.Namespace) -> None:
    folder.mkdir()
    wheels.download(arguments.python, wheels.read_installed(arguments.installed), folder)
    wheels.build_own(folder)
    size = wheels.size_of(folder)
    if size > wheels.LIMIT:
        problem = f"the wheels have {size / 1e6:.0f} MB, and at most {wheels.LIMIT / 1e6:.0f} MB are carried"
        raise UsageError(problem, hint="list what the machine has with --installed FILE")
    sys.stdout.write(f"wheels: {size / 1e6:.1f} MB\n")


def _copy_code(target: Path) -> None:
    source = Path(__file__).parent
    shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns("__pycache__"))


def _megabytes(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
