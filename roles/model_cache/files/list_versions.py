#!/usr/bin/env python3
"""Print, as JSON, which version of the models in FOLDER is current, and which others are neither that nor the previous.

The current version is the target of its link, empty if there is none.
"""

import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
targets = {name: str((folder / name).readlink()) for name in ("current", "previous") if (folder / name).is_symlink()}
kept = {Path(target).name for target in targets.values()}
others = sorted(path.name for path in (folder / "versions").glob("*") if path.name not in kept)
json.dump({"current": targets.get("current", ""), "others": others}, sys.stdout)
