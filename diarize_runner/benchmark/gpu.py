"""The GPU that was measured, as its driver's own nvidia-smi sees it."""

import csv
import subprocess
from dataclasses import dataclass

from diarize_runner.child import child_environment

_FIELDS = {
    "name": "name",
    "driver": "driver_version",
    "memory_mib": "memory.total",
    "sm_clock_mhz": "clocks.current.sm",
    "max_sm_clock_mhz": "clocks.max.sm",
    "power_limit_watts": "power.limit",
    "celsius": "temperature.gpu",
    "throttled": "clocks_event_reasons.active",
}
_SECONDS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """A GPU right after the last call, in nvidia-smi's own words, which may be `[N/A]`."""

    name: str
    driver: str
    memory_mib: str
    sm_clock_mhz: str
    max_sm_clock_mhz: str
    power_limit_watts: str
    celsius: str
    throttled: str
    """Why the clock is not higher: a bit for each reason, as nvmlClocksEventReasons numbers them."""


def look_at_gpu(identity: str) -> Gpu | str:
    """Describe the GPU with this UUID or index, or say why that cannot be done."""
    command = ["nvidia-smi", f"--id={identity}", f"--query-gpu={','.join(_FIELDS.values())}"]
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and nothing a user typed
            [*command, "--format=csv,noheader,nounits"],
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as reason:
        return f"nvidia-smi: {reason}"
    rows = list(csv.reader(done.stdout.splitlines(), skipinitialspace=True))
    if [len(row) for row in rows] != [len(_FIELDS)]:
        return f"nvidia-smi said {done.stdout.strip()!r}"
    return Gpu(**dict(zip(_FIELDS, rows[0], strict=True)))
