"""Start the command without importing modules from the working folder.

`python -m diarize_runner`, and an empty part of PYTHONPATH as in `/lib:`, put the working folder on `sys.path`, where a
`json.py` among the recordings would run. Python imports some modules before this one; only `python -P` protects those.
"""

import os
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    remove_working_folder_from_path()
    from diarize_runner.cli import main as command

    return command()


def remove_working_folder_from_path() -> None:
    """Remove the working folder from `sys.path`, unless it contains this package or is part of Python."""
    package = os.path.realpath(f"{__file__}/../..")
    try:
        working = os.path.realpath(os.curdir)
    except FileNotFoundError:  # the working folder was deleted
        return
    if working != package and not working.startswith((sys.prefix, sys.base_prefix)):
        sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != working]
