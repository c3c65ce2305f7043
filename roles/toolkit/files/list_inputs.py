#!/usr/bin/env python3
"""Print, as JSON, the Python version, whether the key exists, and the inputs on the box: `- HOME KEY`.

An input is a readable file of a version, as a line with its SHA-256 and its path below HOME/inputs.
"""

import hashlib
import json
import stat
import sys
from pathlib import Path

MODE = 0o644


def line_of(path: Path, inputs: Path) -> str:
    """Return the line of a file."""
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(inputs)}"


inputs, key = Path(sys.argv[1], "inputs"), Path(sys.argv[2])
files = [path for path in sorted(inputs.glob("*/*")) if path.is_file()]
readable = [path for path in files if stat.S_IMODE(path.stat().st_mode) == MODE]
found = {
    "python": "{}.{}".format(*sys.version_info),
    "has_key": key.exists(),
    "inputs": [line_of(path, inputs) for path in readable],
}
json.dump(found, sys.stdout)
