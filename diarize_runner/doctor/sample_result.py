"""Save a good sample check, and reuse it while its inputs are unchanged.

The file lies in the Python environment, and is deleted with it.
"""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache
from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.digests import hash_file
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.doctor.check import Check, State
from diarize_runner.doctor.diagnosis import Diagnosis

SAMPLE_RESULT = Path(sys.prefix, ".sample.json")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Changes with the hardware, the kernel, and when the disk moves to another machine."""
_CHECKS = ("packages", "cache", "device", "transcription")


def sample_inputs(diagnosis: Diagnosis, cache: Path, device: str) -> dict[str, str]:
    """Return the inputs of a sample check, from a fresh `diagnosis`; `device` is the value of `--device`."""
    manifest = find_cache(cache) / MANIFEST_NAME
    return {
        "boot": _BOOT.read_text(encoding="ascii").strip(),
        "environment": sys.prefix,
        "device asked for": device,
        "manifest": str(hash_file(manifest).digest) if manifest.is_file() else "",
        **{check.name: check.detail for check in diagnosis.checks if check.name in _CHECKS},
    }


def check_sample_once(path: Path, inputs: Mapping[str, str], check_sample: Callable[[], Check]) -> Check:
    """Return the result saved at `path` if its inputs are `inputs`; else check the sample, and save a good result.

    Raises:
        DiskError: the result cannot be saved.
    """
    if saved := _read(path, inputs):
        return saved
    check = check_sample()
    if check.state is State.GOOD:
        with disk_errors(path):
            write_atomically(path, json.dumps({"grounds": dict(inputs), "detail": check.detail}).encode())
    return check


def recheck_sample(path: Path, check_sample: Callable[[], Check]) -> Check:
    """Check the sample; delete the saved result at `path` if the check is not good."""
    check = check_sample()
    if check.state is not State.GOOD and path.exists():  # a read-only disk refuses to delete even what does not exist
        with suppress(PermissionError):  # the user who provisions may delete it, others need not
            path.unlink(missing_ok=True)
    return check


def _read(path: Path, inputs: Mapping[str, str]) -> Check | None:
    try:
        saved = json.loads(path.read_bytes())
    except (OSError, ValueError):  # not written yet, or damaged
        return None
    if not isinstance(saved, dict) or saved.get("grounds") != inputs:
        return None
    return Check(name="sample", state=State.GOOD, detail=f"{saved['detail']}; nothing has changed since")
