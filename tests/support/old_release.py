"""The command of release 0.1.0, from its wheel in tests/vectors/version-1."""

import os
import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors" / "version-1"
(OLD_RELEASE,) = VECTORS.glob("*.whl")


def run_old(*arguments):
    """Run the command of release 0.1.0; return its exit code and its output."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from diarize_runner.cli import main; sys.exit(main())",
            *map(str, arguments),
        ],
        env={**os.environ, "PYTHONPATH": str(OLD_RELEASE)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
