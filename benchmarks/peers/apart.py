"""whisperX's own environment, `.bench/whisperx`: it needs another torch than ours."""

import subprocess
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / ".bench/whisperx"
_PACKAGE = "whisperx==3.8.6"


def whisperx_python() -> Path:
    """Return the environment's Python; it is made if it is not there (7 GB)."""
    uv, made = Path(sys.executable).with_name("uv"), _FOLDER / ".complete"
    if not made.exists():
        subprocess.run([uv, "venv", "--quiet", "--clear", _FOLDER, "--python", sys.executable], check=True)  # noqa: S603
        subprocess.run([uv, "pip", "install", "--quiet", "--python", _FOLDER / "bin/python", _PACKAGE], check=True)  # noqa: S603
        made.touch()
    return _FOLDER / "bin/python"
