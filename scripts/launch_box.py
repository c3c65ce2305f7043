#!/usr/bin/env python3
"""Launch and terminate diarization boxes on EC2. See docs/aws.md and `scripts/launch_box.py launch --help`."""

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parents[1] / ".venv"


def main() -> int:
    """Run in the environment that `make setup` created, whichever Python starts this script."""
    if _VENV.is_dir() and Path(sys.prefix) != _VENV:
        python = str(_VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])  # noqa: S606  # needs no shell
    from diarize_runner.cli.fleet import launch_box

    return launch_box()


if __name__ == "__main__":
    sys.exit(main())
