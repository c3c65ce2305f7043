#!/usr/bin/env python3
"""Print an inventory of the boxes on EC2 for `ansible-playbook -i`. See docs/aws.md."""

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parents[1] / ".venv"


def main() -> int:
    """Run in the environment that `make setup` created, whichever python3 is first on Ansible's PATH."""
    if _VENV.is_dir() and Path(sys.prefix) != _VENV:
        python = str(_VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])  # noqa: S606  # needs no shell
    from diarize_runner.cli.fleet import inventory_ec2

    return inventory_ec2()


if __name__ == "__main__":
    sys.exit(main())
