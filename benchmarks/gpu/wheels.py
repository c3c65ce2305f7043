"""Download the wheels that a plain torch machine lacks, from the locks, with their hashes."""

import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from diarize_runner.cache.builder.pythons import SUPPORTED_PYTHONS
from diarize_runner.cache.builder.wheels import pip_download
from diarize_runner.cache.documents.pins import Pin, Target, read_pins
from diarize_runner.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60_000_000
"""Bytes of all wheels together."""
_TORCH = "torch torchaudio triton filelock fsspec jinja2 markupsafe mpmath networkx sympy typing-extensions setuptools"
_SCIENCE = """numpy scipy pandas scikit-learn joblib threadpoolctl narwhals matplotlib contourpy cycler fonttools
kiwisolver pillow pyparsing python-dateutil six pytz tzdata packaging pyyaml requests certifi charset-normalizer idna
urllib3 tqdm rich markdown-it-py mdurl pygments protobuf grpcio"""
INSTALLED = frozenset(f"{_TORCH} {_SCIENCE}".split())
"""What a plain torch machine has."""
_UNUSED = """av torchcodec argcomplete boto3 botocore s3transfer jmespath cryptography cffi pycparser hf-xet
exceptiongroup tomli async-timeout"""
UNUSED = frozenset(_UNUSED.split())
"""Packages of the lock that the benchmark does not import: it decodes nothing, and contacts no store."""
_OF_CUDA = ("nvidia-", "cuda-")
"""Torch's own dependencies."""


def download(python: str, installed: Collection[str], folder: Path) -> None:
    """Download the wheels for a version of Python to `folder`; raise what `pip_download` raises, and UsageError."""
    target = Target(python=python)
    pins = filter(target.requires, needed(read_lock(python), installed))
    pip_download([pin.line for pin in pins], folder, f"Python {python} on Linux x86-64", target)


def read_lock(python: str) -> tuple[Pin, ...]:
    """Read the pins for a version of Python; raise UsageError if it has none."""
    if python not in SUPPORTED_PYTHONS:
        raise UsageError(
            f"no packages are locked for Python {python}", hint=f"use one of {', '.join(SUPPORTED_PYTHONS)}"
        )
    lock = ROOT / f"requirements/py{python}/diarization.txt"
    return read_pins(lock.read_text(encoding="utf-8"), str(lock))


def build_own(folder: Path) -> None:
    """Build this product's wheel."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], check=True)  # noqa: S603


def needed(pins: Iterable[Pin], installed: Collection[str]) -> Iterator[Pin]:
    """Yield the pins that are neither installed nor unused."""
    for pin in pins:
        name, _ = pin.release
        if name not in {*installed, *UNUSED} and not name.startswith(_OF_CUDA):
            yield pin


def read_installed(file: Path | None) -> Collection[str]:
    """Read the names of `pip list --format=freeze`; without a file, return the usual ones."""
    if file is None:
        return INSTALLED
    lines = file.read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(re.split(r"[ =@]", line, maxsplit=1)[0]) for line in lines if line.strip()}


def size_of(folder: Path) -> int:
    """Return the bytes of the wheels in a folder."""
    return sum(wheel.stat().st_size for wheel in folder.glob("*.whl"))
