#!/usr/bin/env python3
"""Say which Python this is, whether the release named is complete, and how many GiB are free for it."""

import ensurepip  # noqa: F401  (without it, as on Debian without python3-venv, no environment can be made)
import json
import shutil
import sys
from pathlib import Path

release = Path(sys.argv[1])
there = next(path for path in release.parents if path.exists())
found = {
    "python": list(sys.version_info[:2]),
    "complete": (release / ".complete").exists(),
    "free_gib": round(shutil.disk_usage(there).free / 2**30, 1),
}
json.dump(found, sys.stdout)
