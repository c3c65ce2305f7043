"""When each phase of a command on a host began, by the marks that it prints: lines that begin with `== `."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.provision.hosts import Host

_MARK = "== "


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line that says what begins, and when it arrived."""

    text: str
    at: float
    """Seconds since the command was started."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A command that has succeeded."""

    marks: Sequence[Mark]
    seconds: float
    said: str

    def phases(self, phase_of: Callable[[str], str]) -> dict[str, float]:
        """Return the seconds of each phase: from each of its marks to the next mark of any."""
        spent: dict[str, float] = {}
        ends = [mark.at for mark in self.marks[1:]] + [self.seconds]
        for mark, end in zip(self.marks, ends, strict=True):
            phase = phase_of(mark.text)
            spent[phase] = spent.get(phase, 0.0) + end - mark.at
        return spent


def timed(host: Host, command: str) -> Timed:
    """Run a shell command on a host, which must succeed; a mark is stamped as its line arrives here."""
    lines, marks = [], [Mark(text="begin", at=0.0)]
    began = time.perf_counter()
    ssh = ["ssh", "-F", str(host.slot.folder / "ssh_config"), host.address, f"exec 2>&1; {command}"]
    with subprocess.Popen(ssh, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        for line in running.stdout or ():
            lines.append(line)
            if line.startswith(_MARK):
                marks.append(Mark(text=line.removeprefix(_MARK).strip(), at=time.perf_counter() - began))
    if running.returncode:
        raise SystemExit(f"error: {command}:\n{''.join(lines)}")
    return Timed(marks=marks, seconds=time.perf_counter() - began, said="".join(lines))
