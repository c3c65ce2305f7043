"""Resident memory of the server and its children, from /proc."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

WEB, MODEL, TRANSCRIPTION = "web", "model", "transcription"
_MODULES: Final = {
    "diarize_runner.service.workers.model_process": MODEL,
    "diarize_runner.transcription.child": TRANSCRIPTION,
}
_KILOBYTE = 1024


def resident_by_role(server: int) -> dict[str, int]:
    """Return the resident bytes of the server's process, and of those of its children that have models."""
    found = {WEB: _resident(server)}
    for process in descendants(server):
        for module, role in _MODULES.items():
            if module in _command(process):
                found[role] = _resident(process)
    return found


def descendants(process: int) -> Iterator[int]:
    """Yield the ids of all processes below one."""
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, listed.read_text(encoding="ascii").split()):
                yield child
                yield from descendants(child)


def _command(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace")
    return ""


def _resident(process: int) -> int:
    """Return the resident bytes; 0 for a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * _KILOBYTE
    return 0
