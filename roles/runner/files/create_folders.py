#!/usr/bin/env python3
"""Create a folder and its parents, readable for all users whatever the umask is; print the new ones as JSON."""

import json
import sys
from pathlib import Path

MODE = 0o755

folder = Path(sys.argv[1])
new = [path for path in (folder, *folder.parents) if not path.exists()]
for path in reversed(new):
    path.mkdir(exist_ok=True)
    path.chmod(MODE)
json.dump([str(path) for path in new], sys.stdout)
