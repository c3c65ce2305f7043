"""A proof that was good is relied on for as long as what it rests on is as it was.

It lies in the environment that it proves, and goes with it.
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

PROOF = Path(sys.prefix, ".proof.json")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Other hardware, another kernel and a copy of the disk in another machine all begin with a boot."""
_LOOKED_AT = ("packages", "cache", "device")


def grounds_of(diagnosis: Diagnosis, cache: Path, device: str) -> dict[str, str]:
    """Return what a proof rests on, as `diagnosis` has just found it; `device` is what was asked for."""
    manifest = find_cache(cache) / MANIFEST_NAME
    return {
        "boot": _BOOT.read_text(encoding="ascii").strip(),
        "environment": sys.prefix,
        "device asked for": device,
        "manifest": str(content_of_file(manifest).digest) if manifest.is_file() else "",
        **{check.name: check.detail for check in diagnosis.checks if check.name in _LOOKED_AT},
    }


def prove_once(proof: Path, grounds: Mapping[str, str], prove: Callable[[], Check]) -> Check:
    """Return what `proof` holds, if it rests on `grounds`; else prove, and keep there what is good.

    Raises:
        DiskError: it cannot be kept.
    """
    if kept := _read(proof, grounds):
        return kept
    check = prove()
    if check.state is State.GOOD:
        with disk_errors(proof):
            write_atomically(proof, json.dumps({"grounds": dict(grounds), "detail": check.detail}).encode())
    return check


def prove_anew(proof: Path, prove: Callable[[], Check]) -> Check:
    """Prove, whatever `proof` holds; take that away when it is not good, so that nobody relies on it."""
    check = prove()
    if check.state is not State.GOOD:
        with suppress(PermissionError):  # who may not write there does not provision there either
            proof.unlink(missing_ok=True)
    return check


def _read(proof: Path, grounds: Mapping[str, str]) -> Check | None:
    try:
        kept = json.loads(proof.read_bytes())
    except (OSError, ValueError):  # written by nobody yet, or by another hand
        return None
    if not isinstance(kept, dict) or kept.get("grounds") != grounds:
        return None
    return Check(name="sample", state=State.GOOD, detail=f"{kept['detail']}; nothing has changed since")
