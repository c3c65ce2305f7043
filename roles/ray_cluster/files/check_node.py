#!/usr/bin/env python3
"""Wait until this machine is a node of a Ray cluster; print how many nodes live.

    check_node.py HOST:PORT TOKEN_FILE

The script runs on the box as the user of Ray, with the interpreter that has Ray.
"""

import os
import sys
import time
from types import ModuleType

SECONDS = 60.0


def main() -> None:
    """Connect as a driver does, which only a node can."""
    address, token = sys.argv[1:]
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=token, RAY_USAGE_STATS_ENABLED="0")
    import ray

    deadline = time.monotonic() + SECONDS
    while not connect(ray, address):
        if time.monotonic() > deadline:
            raise SystemExit(f"error: this machine is no node of {address}\nhint: journalctl -u diarize-runner-ray")
        time.sleep(1)
    sys.stdout.write(f"{sum(node['Alive'] for node in ray.nodes())} nodes\n")


def connect(ray: ModuleType, address: str) -> bool:
    """Connect; return whether that succeeded."""
    try:
        ray.init(address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as reason:
        sys.stderr.write(f"{reason}\n")
        return False
    return True


if __name__ == "__main__":
    main()
