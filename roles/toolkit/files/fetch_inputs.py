#!/usr/bin/env python3
"""Run the command that fetches inputs to this controller; print its JSON with the `lines` of its files: `- COMMAND...`.

A line has the SHA-256 of a file, and its path below the folder of inputs on a box.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

# The command reads the store, whose credentials may be in the environment.
done = subprocess.run(sys.argv[1:], env=dict(os.environ), stdout=subprocess.PIPE, check=False)  # noqa: S603  # no shell
if done.returncode:
    sys.exit(done.returncode)
fetched = json.loads(done.stdout)
files = [Path(fetched["folder"], name) for name in fetched["files"]]
lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()} {fetched['version']}/{file.name}" for file in files]
json.dump({**fetched, "lines": lines}, sys.stdout)
