#!/usr/bin/env python3
"""Print, as JSON, the Python version, and whether it can install pip in environments: `- FOLDER [IMAGE]`.

With the base64 of a squashfs image, the JSON says why images of the environments in FOLDER cannot be mounted:
`mount_problem`, empty if they can.
"""

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TRIAL = 'mount -t squashfs -o loop,ro,nodev,nosuid "$1/image" "$1/point" && cat "$1/point/readable" >"$1/read"'
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}
BLOCK = 4096
"""Bytes: mksquashfs pads an image with zeros, which the base64 lacks."""


def mount_problem(folder: Path, image: str) -> str:
    """Mount the image in a mount namespace that ends with this check; return what is wrong."""
    if os.geteuid() != 0:
        return "only root can mount them"
    if not Path("/run/systemd/system").is_dir():
        return "systemd does not run"
    if not re.fullmatch("[A-Za-z0-9/._-]+", str(folder)):
        return "the path of the environments has characters that a unit of systemd would escape"
    with tempfile.TemporaryDirectory() as work:
        Path(work, "image").write_bytes(base64.b64decode(image).ljust(BLOCK, b"\0"))
        Path(work, "point").mkdir()
        command = ["unshare", "--mount", "sh", "-c", TRIAL, "sh", work]
        try:
            done = subprocess.run(  # noqa: S603  # no user input
                command, env=ENVIRONMENT, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return "unshare is not installed"
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or "squashfs cannot be mounted"


folder, images = Path(sys.argv[1]), sys.argv[2:]
found = {
    "python": list(sys.version_info[:2]),
    "pip": importlib.util.find_spec("ensurepip") is not None,  # on Debian, only in python3-venv
    "mount_problem": mount_problem(folder, images[0]) if images else "not tried",
}
json.dump(found, sys.stdout)
