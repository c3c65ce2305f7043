"""Download the wheels that a plain torch machine lacks, from the locks, with their hashes."""

import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

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
_PLATFORMS = [f"manylinux_2_{glibc}_x86_64" for glibc in (34, 31, 28, 27, 26, 24, 17, 12, 5)] + [
    f"manylinux{old}_x86_64" for old in ("2014", "2010", "1")
]
"""Pip takes each name literally."""


def download(python: str, installed: Collection[str], target: Path) -> None:
    """Download the wheels for a version of Python to `target`."""
    lock = (ROOT / f"requirements/py{python}/diarization.txt").read_text(encoding="utf-8")
    subset = target / "requirements.txt"
    subset.write_text("".join(needed(lock, installed)), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(target)]
    platforms = [word for name in _PLATFORMS for word in ("--platform", name)]
    kind = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
    subprocess.run([*pip, "--no-deps", "--require-hashes", *kind, "-r", str(subset)], check=True)  # noqa: S603


def build_own(target: Path) -> None:
    """Build this product's wheel."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(target), str(ROOT)], check=True)  # noqa: S603


def needed(lock: str, installed: Collection[str]) -> Iterator[str]:
    """Yield the requirements of a lock, with their hashes, that are neither installed nor unused."""
    for requirement in re.findall(r"^\S+==(?:.*\\\n)*.*\n", lock, flags=re.MULTILINE):
        name = normalise(requirement.partition("==")[0])
        if name not in {*installed, *UNUSED} and not name.startswith(_OF_CUDA):
            yield requirement


def read_installed(file: Path | None) -> Collection[str]:
    """Read the names of `pip list --format=freeze`; without a file, return the usual ones."""
    if file is None:
        return INSTALLED
    lines = file.read_text(encoding="utf-8").splitlines()
    return {normalise(re.split(r"[ =@]", line, maxsplit=1)[0]) for line in lines if line.strip()}


def normalise(name: str) -> str:
    """Return the normalized name: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def size_of(folder: Path) -> int:
    """Return the bytes of the wheels in a folder."""
    return sum(wheel.stat().st_size for wheel in folder.glob("*.whl"))
