#!/usr/bin/env python3
"""Print the report of `doctor --sample-once` without importing torch if nothing has changed; else run the command.

    - CACHE DEVICE COMMAND doctor OPTION...

The Python of the release runs this. Importing torch takes most of the time of a doctor that has nothing to do. All
other checks run as in `doctor`, from the packages of the release; for the device, the last good result counts while the
machine has not booted and has the same driver. If a check is not good, or if the release has other modules, the command
decides.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

DRIVER = Path("/proc/driver/nvidia/version")


def main() -> None:
    """Print the report, or become the command."""
    cache, device, *command = sys.argv[1:]
    report = report_without_torch(Path(cache), device, command) if "--sample-once" in command else None
    if report is None:
        os.execv(command[0], command)  # noqa: S606  # the command of the release
    json.dump(report, sys.stdout)


def report_without_torch(cache: Path, device: str, command: list[str]) -> "dict[str, object] | None":
    """Return the report if all is good and the sample was checked before; else None."""
    sys.prefix = environment_of(command[0])  # the role may name the environment by a link, as the command does not
    try:
        from diarize_runner.doctor import diagnosis, sample_result
        from diarize_runner.doctor.check import Check, State
        from diarize_runner.doctor.images import MountedImage
        from diarize_runner.errors import DiarizeRunnerError
        from diarize_runner.progress import NoProgress
    except ImportError:  # a release with other modules
        return None
    saved = read_saved(sample_result.SAMPLE_RESULT).get("device", "")
    if not has_driver_of(saved):
        return None
    diagnosis.check_device = lambda _device: saved  # the only check that imports torch
    unchecked = Check(name="sample", state=State.BROKEN, detail="not checked")
    try:
        found = diagnosis.examine(cache, device, NoProgress(), MountedImage.require_mounted)
        if "--require-transcription" in command:
            found = found.with_check(diagnosis.check_transcription_model(cache))
        inputs = sample_result.sample_inputs(found, cache, device)
        sample = sample_result.check_sample_once(sample_result.SAMPLE_RESULT, inputs, lambda: unchecked)
    except DiarizeRunnerError:  # the command reports it
        return None
    report = found.with_check(sample)
    return report.to_dict() if report.state is State.GOOD else None


def read_saved(path: Path) -> dict[str, Any]:
    """Return the inputs of the last good result; empty if there is none."""
    try:
        saved = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return saved["grounds"] if isinstance(saved, dict) and isinstance(saved.get("grounds"), dict) else {}


def has_driver_of(device: str) -> bool:
    """Whether the loaded driver is that of a device as `doctor` describes it."""
    loaded = DRIVER.read_text(encoding="utf-8") if DRIVER.is_file() else ""
    if device == "cpu":
        return not loaded
    match = re.search(r", driver (\d[\d.]+), ", device)
    return match is not None and f"  {match[1]}  " in loaded


def environment_of(command: str) -> str:
    """Return the environment in the first line of a command; that of this Python if there is none."""
    with Path(command).open("rb") as file:
        first = os.fsdecode(file.readline())
    return str(Path(first.removeprefix("#!").strip()).parents[1]) if first.startswith("#!/") else sys.prefix


if __name__ == "__main__":
    main()
