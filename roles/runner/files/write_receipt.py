#!/usr/bin/env python3
"""Create the parent folders of a box, and list in the receipt what later tasks create; print what changed as JSON.

    write_receipt.py RECEIPT [--plan] --parents FOLDER... --paths PATH...

The receipt holds the `paths` that `reset` removes, and the `folders` that it removes if they are empty: those that this
script had to create. The folder of the receipt is created first, and the other parents after the receipt lists them, so
that `reset` finds everything that a killed run left. All are readable for all users, whatever the umask is.
"""

import argparse
import json
import os
import stat
import sys
from pathlib import Path

FOLDER_MODE, RECEIPT_MODE = 0o755, 0o644


def main() -> None:
    """Create what is missing; with --plan only print it."""
    arguments = read_arguments()
    try:
        json.dump(write_receipt(arguments), sys.stdout)
    except OSError as reason:
        sys.exit(f"error: {reason.filename}: {reason.strerror}\nhint: check the folder and its disk, then run again")


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Create parent folders, and list them and other paths in a receipt.")
    parser.add_argument("receipt", type=Path, help="the file to write")
    parser.add_argument("--plan", action="store_true", help="print what would change, and change nothing")
    parser.add_argument("--parents", type=Path, nargs="+", default=[], help="folders to create")
    parser.add_argument("--paths", nargs="+", default=[], help="the paths that later tasks create")
    return parser.parse_args()


def write_receipt(arguments: argparse.Namespace) -> dict[str, object]:
    """Return whether anything changed or would change, and the folders that did not exist."""
    receipt, before = arguments.receipt, read_receipt(arguments.receipt)
    new = missing_folders([receipt.parent, *arguments.parents])
    after = {
        "paths": list(dict.fromkeys([*before["paths"], *arguments.paths])),
        "folders": list(dict.fromkeys([*before["folders"], *map(str, new)])),
    }
    stale = after != before or not has_mode(receipt)
    if not arguments.plan:
        create([folder for folder in new if folder in (receipt.parent, *receipt.parent.parents)])
        if stale:
            write_atomically(receipt, after)
        # Also if nothing changed: a killed run may have left a receipt whose name is not on the disk yet. Later tasks
        # create the listed paths, and if a power cut loses the receipt, nothing would ever remove them.
        flush(receipt.parent)
        create(new)
    return {"changed": stale or bool(new), "created": [str(folder) for folder in new]}


def read_receipt(receipt: Path) -> dict[str, list[str]]:
    """Return the content of the receipt; empty lists if there is none."""
    return json.loads(receipt.read_text("utf-8")) if receipt.is_file() else {"paths": [], "folders": []}


def has_mode(receipt: Path) -> bool:
    """Whether the receipt exists with its mode."""
    return receipt.is_file() and stat.S_IMODE(receipt.stat().st_mode) == RECEIPT_MODE


def missing_folders(folders: list[Path]) -> list[Path]:
    """Return the folders and their parents that do not exist, the innermost first."""
    missing = {path for folder in folders for path in (folder, *folder.parents) if not path.exists()}
    return sorted(missing, reverse=True)


def create(folders: list[Path]) -> None:
    """Create the folders, the outermost first."""
    for folder in sorted(folders):
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER_MODE)


def write_atomically(receipt: Path, content: dict[str, list[str]]) -> None:
    """Replace the receipt by rename, after its bytes are on the disk."""
    fresh = receipt.with_name(f".{receipt.name}-fresh")
    fresh.unlink(missing_ok=True)
    with fresh.open("x", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=4, sort_keys=True, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(RECEIPT_MODE)
    fresh.replace(receipt)


def flush(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main()
