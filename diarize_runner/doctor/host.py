"""Check the machine: no token, free disk space, and a working offline guard."""

import os
import shutil
import socket
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.guard import offline
from diarize_runner.doctor.check import Drift
from diarize_runner.errors import DiarizeRunnerError, OfflineViolation

MIN_FREE_BYTES = 1 << 30
"""For the next version of a cache, and for results."""
_TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_LOOPBACK_DISCARD = ("127.0.0.1", 9)


def check_tokens(cache: Path) -> str:
    """Raise Drift when a Hugging Face token is in the environment or on the disk."""
    variables = [name for name in _TOKEN_VARIABLES if os.environ.get(name)]
    homes = (find_cache(cache) / layout.HF_HOME, Path.home() / ".cache" / layout.HF_HOME)
    files = [str(home / name) for home in homes for name in ("token", "stored_tokens") if (home / name).exists()]
    if found := variables + files:
        raise Drift(f"Hugging Face token found: {', '.join(found)}", hint="unset or delete it: boxes need no token")
    return "no Hugging Face token found, none needed"


def check_disk(cache: Path) -> str:
    """Raise Drift when the disk of the cache is nearly full."""
    folder = next(each for each in (cache, *cache.absolute().parents) if each.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    if free < MIN_FREE_BYTES:
        raise Drift(detail, hint=f"delete files until {MIN_FREE_BYTES >> 30} GiB is free")
    return detail


def check_offline_guard() -> str:
    """Raise DiarizeRunnerError when the offline guard allows a connection."""
    try:
        with offline(), socket.socket() as attempt:
            attempt.connect(_LOOPBACK_DISCARD)
    except OfflineViolation:
        return "blocks connections"
    except OSError as reason:
        raise DiarizeRunnerError(f"the guard does not block connections: {reason}") from reason
    raise DiarizeRunnerError("the guard does not block connections")
