"""The Pythons of this machine."""

import shutil
import subprocess
import sys
from pathlib import Path


def interpreter(version):
    """Return a Python of this version: the one that runs the tests, one on PATH, or one of pyenv's; None without."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    pyenv = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python"))
    found = [*filter(None, [shutil.which(f"python{version}")]), *pyenv]
    # pyenv puts a command of that name on PATH, which fails where that version is not selected.
    return next(
        (path for path in found if subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0), None
    )
