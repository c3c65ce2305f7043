"""Time the phases of a command on a host, by the marks that it prints: lines that begin with `== `."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.provision.hosts import Host

_MARK = "== "


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The start of a phase."""

    text: str
    at: float
    """Seconds from the start of the command to the arrival of the line."""


@dataclass(frozen=True, kw_only=True)
class TimedCommand:
    """A command that has succeeded."""

    marks: Sequence[Mark]
    seconds: float
    output: str

    def phases(self, phase_of: Callable[[str], str]) -> dict[str, float]:
        """Return the seconds of each phase; a mark lasts until the next one."""
        seconds: dict[str, float] = {}
        ends = [mark.at for mark in self.marks[1:]] + [self.seconds]
        for mark, end in zip(self.marks, ends, strict=True):
            phase = phase_of(mark.text)
            seconds[phase] = seconds.get(phase, 0.0) + end - mark.at
        return seconds


def run_timed(host: Host, command: str) -> TimedCommand:
    """Run a shell command on a host, which must succeed; time each mark when its line arrives here."""
    lines, marks = [], [Mark(text="begin", at=0.0)]
    start = time.perf_counter()
    ssh = ["ssh", "-F", str(host.slot.folder / "ssh_config"), host.address, f"exec 2>&1; {command}"]
    with subprocess.Popen(ssh, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        for line in running.stdout or ():
            lines.append(line)
            if line.startswith(_MARK):
                marks.append(Mark(text=line.removeprefix(_MARK).strip(), at=time.perf_counter() - start))
    if running.returncode:
        raise SystemExit(f"error: {command}:\n{''.join(lines)}")
    return TimedCommand(marks=marks, seconds=time.perf_counter() - start, output="".join(lines))
