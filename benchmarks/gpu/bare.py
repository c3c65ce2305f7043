"""Install the carried wheels in a temporary folder, and measure in a process that sees them.

Imports only the standard library. Nothing outside the temporary folder changes.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_PREPARE = "run where the package index can be reached: python -m benchmarks.gpu prepare"
PREPARED = "prepared"
"""A file in a complete folder."""
_OPTIONS = ("device", "budget", "durations", "chunk_batches", "tile_batches", "rounds", "output", "output_html")


def run(arguments: argparse.Namespace) -> int:
    """Install and measure; return the exit status."""
    began = time.monotonic()
    folder: Path = arguments.folder.resolve()
    if not (folder / PREPARED).is_file():
        return _refuse(f"{folder} was not prepared", f"{_PREPARE} {folder}", status=2)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as site:
        if wheels and not _install(wheels, Path(site)):
            return _refuse(f"pip cannot install {folder}/wheels", _hint_for_pip())
        command = [sys.executable, "-m", "benchmarks.gpu.measure", str(folder), *_repeat(arguments)]
        environment = os.environ | {"PYTHONPATH": _python_path(folder, site)}
        return subprocess.run([*command, "--began", str(began)], env=environment, check=False).returncode  # noqa: S603


def _install(wheels: list[Path], site: Path) -> bool:
    """Return whether pip installed the wheels; pip prints why it did not."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    offline = ["--disable-pip-version-check", "--root-user-action=ignore", "--no-cache-dir", "--target", str(site)]
    return subprocess.run([*pip, *offline, *map(str, wheels)], check=False).returncode == 0  # noqa: S603


def _hint_for_pip() -> str:
    if importlib.util.find_spec("pip") is None:
        return f"install pip: {sys.executable} -m ensurepip"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"if the wheels are for another Python, {_PREPARE} DIR --python {version}"


def _refuse(problem: str, hint: str, status: int = 1) -> int:
    sys.stderr.write(f"error: {problem}\nhint: {hint}\n")
    return status


def _repeat(arguments: argparse.Namespace) -> list[str]:
    """Return the options as they were given."""
    words = []
    for name in _OPTIONS:
        value = getattr(arguments, name)
        values = value if isinstance(value, list | tuple) else [value]
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return words


def _python_path(folder: Path, site: str) -> str:
    """Return the search path: the code, the carried wheels, then what the machine has set."""
    parts = [str(folder / "code"), site, os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(part for part in parts if part)
