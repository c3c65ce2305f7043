"""A sample check that was good is kept, and relied on for as long as what it rests on is as it was.

It lies in the environment that it is of, and goes with it.
"""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.digests import content_of_file
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.doctor.check import Check, State
from diarize_runner.doctor.diagnosis import Diagnosis

KEPT = Path(sys.prefix, ".sample.json")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Other hardware, another kernel and a copy of the disk in another machine all begin with a boot."""
_LOOKED_AT = ("packages", "cache", "device")


def grounds_of(diagnosis: Diagnosis, cache: Path, device: str) -> dict[str, str]:
    """Return what a sample check rests on, as `diagnosis` has just found it; `device` is what was asked for."""
    manifest = find_cache(cache) / MANIFEST_NAME
    return {
        "boot": _BOOT.read_text(encoding="ascii").strip(),
        "environment": sys.prefix,
        "device asked for": device,
        "manifest": str(content_of_file(manifest).digest) if manifest.is_file() else "",
        **{check.name: check.detail for check in diagnosis.checks if check.name in _LOOKED_AT},
    }


def check_once(kept: Path, grounds: Mapping[str, str], check_sample: Callable[[], Check]) -> Check:
    """Return what `kept` holds, if it rests on `grounds`; else check the sample, and keep there what is good.

    Raises:
        DiskError: it cannot be kept.
    """
    if before := _read(kept, grounds):
        return before
    check = check_sample()
    if check.state is State.GOOD:
        with disk_errors(kept):
            write_atomically(kept, json.dumps({"grounds": dict(grounds), "detail": check.detail}).encode())
    return check


def check_anew(kept: Path, check_sample: Callable[[], Check]) -> Check:
    """Check the sample, whatever `kept` holds; take that away when it is not good, so that nobody relies on it."""
    check = check_sample()
    if check.state is not State.GOOD:
        with suppress(PermissionError):  # who may not write there does not provision there either
            kept.unlink(missing_ok=True)
    return check


def _read(kept: Path, grounds: Mapping[str, str]) -> Check | None:
    try:
        held = json.loads(kept.read_bytes())
    except (OSError, ValueError):  # written by nobody yet, or by another hand
        return None
    if not isinstance(held, dict) or held.get("grounds") != grounds:
        return None
    return Check(name="sample", state=State.GOOD, detail=f"{held['detail']}; nothing has changed since")
