#!/usr/bin/env python3
"""An inventory of the boxes on EC2 for ansible-playbook -i: docs/aws.md."""

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parents[1] / ".venv"


def main() -> int:
    """Run it in the environment that `make setup` made, not in the first python3 on Ansible's PATH."""
    if _VENV.is_dir() and Path(sys.prefix) != _VENV:
        python = str(_VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])  # noqa: S606  # no shell is what is wanted
    from diarize_runner.cli.fleet import inventory_ec2

    return inventory_ec2()


if __name__ == "__main__":
    sys.exit(main())
