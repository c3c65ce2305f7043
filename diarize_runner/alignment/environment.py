"""Find the Python interpreter of whisperX's environment."""

import os
import subprocess
from pathlib import Path
from typing import Final

from diarize_runner.child import child_environment
from diarize_runner.errors import UsageError

VARIABLE: Final = "DIARIZE_RUNNER_ALIGNER"
VERSION: Final = "3.8.6"
"""Of whisperX, as in requirements/alignment.in."""
_HINT: Final = f"run scripts/install-alignment.sh DIR, then set {VARIABLE}=DIR/bin/python"
_PRINT_VERSION: Final = "import importlib.metadata as packages; print(packages.version('whisperx'))"
_SECONDS: Final = 60.0


def find_interpreter() -> Path:
    """Return the interpreter that DIARIZE_RUNNER_ALIGNER names.

    Raises:
        UsageError: the variable is not set, or its interpreter does not have the supported whisperX.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        raise UsageError(f"alignment needs an environment with whisperX {VERSION}", hint=_HINT)
    python = Path(value).absolute()  # not resolved: the interpreter of a virtual environment is a link
    found = _find_version(python)
    if found != VERSION:
        what = f"has whisperX {found}" if found else "has no whisperX"
        raise UsageError(f"{python} {what}, but alignment needs {VERSION}", hint=_HINT)
    return python


def _find_version(python: Path) -> str:
    """Return the version of whisperX; an empty text if there is none."""
    try:
        done = subprocess.run(  # noqa: S603  # an interpreter that the administrator chose
            [python, "-I", "-c", _PRINT_VERSION],
            env=child_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise UsageError(f"{VARIABLE} names {python}, which cannot be run: {reason}", hint=_HINT) from reason
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
