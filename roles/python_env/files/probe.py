#!/usr/bin/env python3
"""Print, as JSON, the Python version, whether it can install pip in environments, and the GiB free in a folder."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

folder = Path(sys.argv[1])
existing = next(path for path in (folder, *folder.parents) if path.exists())
found = {
    "python": list(sys.version_info[:2]),
    "pip": importlib.util.find_spec("ensurepip") is not None,  # on Debian, only in python3-venv
    "free_gib": round(shutil.disk_usage(existing).free / 2**30, 1),
}
json.dump(found, sys.stdout)
