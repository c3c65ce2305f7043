"""One recording at a time on each GPU: a service, a spool and commands take turns.

Two processes on one GPU take twice as long each, and together they may need more memory than it has. Each takes the
lock of the GPU while it works on a recording. The kernel gives the lock back when a process ends, however it ends.

The locks are files, for every user of the machine: in `$DIARIZE_RUNNER_LOCKS`, or in /run/lock, or else in the folder
for temporary files.
"""

import errno
import fcntl
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from diarize_runner.disk import lock
from diarize_runner.errors import DiskError
from diarize_runner.progress import ConsoleProgress

VARIABLE: Final = "DIARIZE_RUNNER_LOCKS"
_FOLDER: Final = Path("/run/lock")
_VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
_GPU: Final = "cuda"
_DRIVERS: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Of Linux, and of WSL."""
_STAGE: Final = "wait for the GPU"
_POLL_SECONDS: Final = 0.1
_INTERVAL: Final = 30.0
"""Seconds between two lines that say who has the GPU."""
_LONGEST_NAME: Final = 200
_COMMANDS: Final = ("diarize-runner", "__main__.py")
_OPEN: Final = os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def device_turn(device: str, progress: ConsoleProgress) -> Iterator[None]:
    """Have a GPU alone for the block; wait for that, and say who has it. A device that is no GPU needs no turn.

    Turns do not nest: the inner one would wait for the outer one for ever.

    Raises:
        DiskError: no folder can hold the lock.
    """
    if not _is_gpu(device):
        yield
        return
    descriptor = _open_lock(_lock_name(device))
    try:
        _wait(descriptor, device, progress)
        _describe_holder(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def device_turns(devices: Collection[str], progress: ConsoleProgress) -> Iterator[None]:
    """Have several devices for the block; raises as `device_turn` does.

    All processes wait for GPUs in the same order, so that no two wait for each other.
    """
    gpus = {_lock_name(device): device for device in devices if _is_gpu(device)}
    with ExitStack() as turns:
        for _, device in sorted(gpus.items()):
            turns.enter_context(device_turn(device, progress))
        yield


def transcription_device(requested: str) -> str:
    """Return the device that a transcriber may use: for `auto`, a GPU if this machine has a driver of one."""
    if requested != "auto":
        return requested
    return _GPU if any(driver.exists() for driver in _DRIVERS) else "cpu"


def _is_gpu(device: str) -> bool:
    return device.partition(":")[0] == _GPU


def _lock_name(device: str) -> str:
    """Return a file name for the GPU, which a process may know by another number than the machine does."""
    index = int(device.partition(":")[2] or 0)
    visible = [each.strip() for each in os.environ.get(_VISIBLE, "").split(",")]
    known = visible[index] if index < len(visible) and visible[index] else str(index)
    return f"diarize-runner-{_GPU}-{re.sub(r'[^A-Za-z0-9-]', '_', known)}.lock"


def _folders() -> list[Path]:
    named = os.environ.get(VARIABLE)
    return [Path(named)] if named else [_FOLDER, Path(tempfile.gettempdir())]


def _open_lock(name: str) -> int:
    folders = _folders()
    for folder in folders:
        with suppress(OSError):
            return _open_or_create(folder / name)
    hint = f"name a folder that every user of this machine may write to: {VARIABLE}=DIR"
    raise DiskError(f"{folders[-1] / name} cannot be opened: no process may know that another uses the GPU", hint=hint)


def _open_or_create(path: Path) -> int:
    """Open the file for reading and writing, by every user. Raises OSError.

    In a folder such as /tmp, Linux refuses O_CREAT for a file of another user, even one that exists:
    https://docs.kernel.org/admin-guide/sysctl/fs.html#protected-regular
    """
    with suppress(FileNotFoundError):
        return _open(path)
    try:
        descriptor = os.open(path, _OPEN | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:  # another process has just created it
        return _open(path)
    os.fchmod(descriptor, 0o666)  # whatever the umask is
    return descriptor


def _open(path: Path) -> int:
    """Open the file; in a sandbox that mounts the folder read-only, only to lock it."""
    try:
        return os.open(path, _OPEN | os.O_RDWR)
    except OSError as reason:
        if reason.errno != errno.EROFS:
            raise
    return os.open(path, _OPEN | os.O_RDONLY)


def _wait(descriptor: int, device: str, progress: ConsoleProgress) -> None:
    printed_at = float("-inf")
    while not _try(descriptor):
        if time.monotonic() - printed_at >= _INTERVAL:
            progress.print_line(f"waiting for {device}: {_holder(descriptor)} uses it")
            progress.advance(_STAGE, completed=0, total=1)
            printed_at = time.monotonic()
        time.sleep(_POLL_SECONDS)


def _try(descriptor: int) -> bool:
    try:
        lock(descriptor, Path(f"/proc/self/fd/{descriptor}"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, _LONGEST_NAME, 0).decode(errors="replace").strip() or "another process"


def _describe_holder(descriptor: int) -> None:
    with suppress(OSError):  # it is open for reading only, or the disk is full; the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{_program()} (process {os.getpid()})\n".encode(errors="replace"), 0)


def _program() -> str:
    """Return what runs here, such as `diarize-runner spool`."""
    name, options = Path(sys.argv[0]).name, sys.argv[1:]
    if name not in _COMMANDS:
        return name[:_LONGEST_NAME] or "python"
    return " ".join([_COMMANDS[0], *[each for each in options if not each.startswith("-")][:1]])
