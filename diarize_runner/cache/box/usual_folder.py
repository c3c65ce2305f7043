"""Where a box keeps its caches, if nobody says; every command asks, so this imports nothing of the cache."""

import os
from pathlib import Path

USUAL = "/var/lib/diarize-runner/cache"
"""Where roles restore to."""


def usual_folder() -> Path:
    """Return $DIARIZE_RUNNER_CACHE, or else where roles restore to."""
    return Path(os.environ.get("DIARIZE_RUNNER_CACHE", USUAL))
