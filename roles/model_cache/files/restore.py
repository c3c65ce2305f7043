#!/usr/bin/env python3
"""Print, as a line of JSON, which versions of the models a box has; then become the command that restores.

    - FOLDER COMMAND OPTION...

`before` is the target of the link to the current version, empty if there is none. `others` are the versions that are
neither current nor the previous one. With --plan, and before the command is installed, it prints a plan of its own.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Print the versions, and run the command."""
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    json.dump(list_versions(folder), sys.stdout)
    sys.stdout.write("\n")
    if "--plan" in command and not Path(command[0]).exists():
        json.dump({"changed": True, "is_installed": False}, sys.stdout)
        return
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # the command of the toolkit or of the release


def list_versions(folder: Path) -> dict[str, object]:
    """Return the current version, and those that a prune would remove if the restore changes nothing."""
    links = [folder / name for name in ("current", "previous")]
    targets = [str(link.readlink()) if link.is_symlink() else "" for link in links]
    kept = {Path(target).name for target in targets}
    others = sorted(path.name for path in (folder / "versions").glob("*") if path.name not in kept)
    return {"before": targets[0], "others": others}


if __name__ == "__main__":
    main()
