"""The machine: nothing secret on it, room on its disk, and no way out while models run."""

import os
import shutil
import socket
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.guard import offline
from diarize_runner.doctor.check import Drift
from diarize_runner.errors import DiarizeRunnerError, OfflineViolation

ROOM = 1 << 30
"""Bytes that should be free: room for the next version of a cache, and for recordings."""
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_LOOPBACK_DISCARD = ("127.0.0.1", 9)


def look_for_tokens(cache: Path) -> str:
    """Raise Drift when a Hugging Face token is here."""
    set_here = [name for name in _TOKENS if os.environ.get(name)]
    homes = (find_cache(cache) / layout.HF_HOME, Path.home() / ".cache" / layout.HF_HOME)
    stored = [str(home / name) for home in homes for name in ("token", "stored_tokens") if (home / name).exists()]
    if found := set_here + stored:
        raise Drift(f"a token is on this box: {', '.join(found)}", hint="unset or delete it; none is needed")
    return "none here, none needed"


def look_at_disk(cache: Path) -> str:
    """Raise Drift when the disk of the cache is nearly full."""
    folder = next(each for each in (cache, *cache.absolute().parents) if each.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free at {folder}"
    if free < ROOM:
        raise Drift(said, hint="free some space: a refresh of the cache, and results, need it")
    return said


def look_at_guard() -> str:
    """Raise DiarizeRunnerError when the offline guard lets a connection through."""
    try:
        with offline(), socket.socket() as attempt:
            attempt.connect(_LOOPBACK_DISCARD)
    except OfflineViolation:
        return "a connection attempt was refused"
    except OSError as reason:
        raise DiarizeRunnerError(f"a connection attempt got as far as: {reason}") from reason
    raise DiarizeRunnerError("a connection was made while offline")
