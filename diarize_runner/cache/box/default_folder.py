"""The default cache folder of a box. Every command imports this module, so it imports no other."""

import os
from pathlib import Path

DEFAULT_FOLDER = "/var/lib/diarize-runner/cache"
"""The folder that the Ansible roles restore to."""


def default_folder() -> Path:
    """Return $DIARIZE_RUNNER_CACHE if it is set, else DEFAULT_FOLDER."""
    return Path(os.environ.get("DIARIZE_RUNNER_CACHE") or DEFAULT_FOLDER)
