"""The Python versions that boxes can have."""

import sys

from diarize_runner.errors import UsageError

SUPPORTED_PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""The requirements files are locked for these."""


def current_python() -> str:
    """Return the Python version of this process; raise UsageError if it is not supported."""
    current = f"{sys.version_info.major}.{sys.version_info.minor}"
    if current not in SUPPORTED_PYTHONS:
        raise UsageError(
            f"there are no wheels for Python {current}", hint=f"choose another: --python {SUPPORTED_PYTHONS[-1]}"
        )
    return current
