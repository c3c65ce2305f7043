"""Install the carried wheels in a temporary folder, and measure in a process that sees them.

Imports only the standard library. Nothing outside the temporary folder changes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREPARED = "prepared"
"""A file in a complete folder."""
_OPTIONS = ("device", "budget", "durations", "chunk_batches", "tile_batches", "rounds", "output", "output_html")


def run(arguments: argparse.Namespace) -> int:
    """Install and measure; return the exit status."""
    began = time.monotonic()
    folder: Path = arguments.folder.resolve()
    if not (folder / PREPARED).is_file():
        hint = f"run python -m benchmarks.gpu prepare {folder} where the package index can be reached"
        sys.stderr.write(f"error: {folder} was not prepared\nhint: {hint}\n")
        return 2
    wheels = sorted((folder / "wheels").glob("*.whl"))
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as site:
        if wheels:
            _install(wheels, Path(site))
        command = [sys.executable, "-m", "benchmarks.gpu.measure", str(folder), *_repeat(arguments)]
        environment = os.environ | {"PYTHONPATH": _python_path(folder, site)}
        return subprocess.run([*command, "--began", str(began)], env=environment, check=False).returncode  # noqa: S603


def _install(wheels: list[Path], site: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    offline = ["--disable-pip-version-check", "--root-user-action=ignore", "--no-cache-dir", "--target", str(site)]
    subprocess.run([*pip, *offline, *map(str, wheels)], check=True)  # noqa: S603


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
