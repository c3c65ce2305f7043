#!/usr/bin/env python3
"""Say which Python this is, whether it makes environments with pip in them, and how many GiB are free in a folder."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

folder = Path(sys.argv[1])
there = next(path for path in (folder, *folder.parents) if path.exists())
found = {
    "python": list(sys.version_info[:2]),
    "pip": importlib.util.find_spec("ensurepip") is not None,  # Debian leaves it out without python3-venv
    "free_gib": round(shutil.disk_usage(there).free / 2**30, 1),
}
json.dump(found, sys.stdout)
