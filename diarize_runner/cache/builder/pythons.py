"""The Pythons that boxes may have."""

import sys

from diarize_runner.errors import UsageError

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
"""Those that the requirements files are locked for."""


def own_python() -> str:
    """Return the Python that this process runs on; raise UsageError when boxes may not have it."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if own not in PYTHONS:
        raise UsageError(f"there are no wheels for Python {own}", hint=f"name another: --python {PYTHONS[-1]}")
    return own
