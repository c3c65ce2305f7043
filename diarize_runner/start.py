"""Start the command, with the working folder out of the places that modules are imported from.

Python looks there first for `python -m diarize_runner`, and wherever PYTHONPATH has an empty part, as in `/lib:`. A
folder of recordings holds no code: a `json.py` in it must not run. Before this line Python has imported modules of its
own, and in those two cases it took them from the working folder too; only `python -P` prevents that.
"""

import os
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    leave_out_working_folder()
    from diarize_runner.cli import main as command

    return command()


def leave_out_working_folder() -> None:
    """Take the working folder out of `sys.path`, unless it holds this package, or is part of Python."""
    package = os.path.realpath(f"{__file__}/../..")
    try:
        working = os.path.realpath(os.curdir)
    except FileNotFoundError:  # it was removed, and whatever was in it
        return
    if working != package and not working.startswith((sys.prefix, sys.base_prefix)):
        sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != working]
