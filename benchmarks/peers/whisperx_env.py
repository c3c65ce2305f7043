"""whisperX's virtual environment, `.bench/whisperx`: it needs a different version of torch."""

import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / ".bench/whisperx"
_PACKAGE = "whisperx==3.8.6"


def whisperx_python() -> Path:
    """Return the environment's Python; create the environment if it is missing (7 GB)."""
    uv, complete = Path(sys.executable).with_name("uv"), _FOLDER / ".complete"
    if not complete.exists():
        subprocess.run([uv, "venv", "--quiet", "--clear", _FOLDER, "--python", sys.executable], check=True)  # noqa: S603
        subprocess.run([uv, "pip", "install", "--quiet", "--python", _FOLDER / "bin/python", _PACKAGE], check=True)  # noqa: S603
        complete.touch()
    return _FOLDER / "bin/python"
