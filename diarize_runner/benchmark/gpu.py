"""Describe the measured GPU, by nvidia-smi."""

import csv
import subprocess
from collections.abc import Sequence
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
    """A GPU right after the last call. Values are as nvidia-smi prints them, such as `[N/A]`."""

    name: str
    driver: str
    memory_mib: str
    sm_clock_mhz: str
    max_sm_clock_mhz: str
    power_limit_watts: str
    celsius: str
    throttled: str
    """The reasons for the clock's limit, as a bit mask of nvmlClocksEventReasons."""


def query_gpu(identity: str) -> Gpu | str:
    """Return the GPU with this UUID or index, or the reason why nvidia-smi failed."""
    values = query_fields(identity, tuple(_FIELDS.values()))
    return values if isinstance(values, str) else Gpu(**dict(zip(_FIELDS, values, strict=True)))


def query_fields(identity: str, fields: Sequence[str]) -> tuple[str, ...] | str:
    """Return these fields of a GPU as nvidia-smi prints them, or the reason why it failed."""
    command = ["nvidia-smi", f"--id={identity}", f"--query-gpu={','.join(fields)}"]
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
    if [len(row) for row in rows] != [len(fields)]:
        return f"nvidia-smi printed {done.stdout.strip()!r}"
    return tuple(rows[0])
