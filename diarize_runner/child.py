"""Child processes that get no secrets, answer over a pipe, and die with their parent.

    child_environment   environment variables without secrets
    start_child, Child  a child that answers requests while the block runs
    run_child_process   a child that reads one file and writes one file
    connect_to_parent   in the child: die with the parent, and return the pipe
    die_with_parent     in the child: die with the parent

A child passes its environment on: pip starts `uname`, `lsb_release` and `rustc`. The only child that signs in anywhere
is pip, to a package index, with the PIP_ settings.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_WORDS = "TOKENS?|SECRETS?|KEYS?|PASS|PASSWD|PASSWORDS?|CREDENTIALS?|AUTHORIZATION"
_SECRET = re.compile(rf"(?:^|_)(?:{_WORDS})(?:_|$)", re.IGNORECASE)
_PIP_PREFIX = "PIP_"
_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
_STDERR = 2
"""Receives the child's stdout: libraries print there."""
_POLL_INTERVAL = 0.2
"""Seconds between calls of `watch`."""
_EXIT_TIMEOUT = 10.0
"""Seconds for a child to exit before it is killed."""


class ChildDied(Exception):
    """A child ended before it answered; the message says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """A process that answers one request at a time."""

    process: "subprocess.Popen[bytes]"
    channel: "Connection[Any, Any]"

    def ask(self, request: object, watch: Callable[[], object] | None = None) -> Any:
        """Return the response, or raise it if it is an exception; call `watch` repeatedly while waiting.

        Raises:
            ChildDied: the child ended before it answered.
        """
        try:
            self.channel.send(request)
            while watch and not self.channel.poll(_POLL_INTERVAL):
                watch()
            response = self.channel.recv()
        except (EOFError, ConnectionError) as reason:
            raise self._died() from reason
        if isinstance(response, Exception):
            raise response
        return response

    def receive_first_message(self) -> Any:
        """Return the message that the child sends before any request. Raises ChildDied."""
        try:
            return self.channel.recv()
        except EOFError as reason:
            raise self._died() from reason

    def _died(self) -> ChildDied:
        code = self.process.wait()
        return ChildDied(f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}")


@contextmanager
def start_child(program: str) -> Iterator[Child]:
    """Run the Python code `program` with the arguments of `connect_to_parent`; end it when the block ends.

    `program` must remove the working folder from `sys.path`, where `python -c` looks for modules first.
    """
    from multiprocessing import Pipe  # here, because confined children never need it

    parent_end, child_end = Pipe()
    command = [sys.executable, "-W", "ignore", "-c", program, str(child_end.fileno()), str(os.getpid())]
    process = subprocess.Popen(  # noqa: S603  # no shell, no user input
        command, pass_fds=[child_end.fileno()], env=child_environment(), stdin=subprocess.DEVNULL, stdout=_STDERR
    )
    child_end.close()
    try:
        yield Child(process=process, channel=parent_end)
    finally:
        parent_end.close()
        _end(process)


def connect_to_parent(descriptor: int, parent: int) -> "Connection[Any, Any]":
    """Return, in a child, the pipe from its `parent` process, and bind the child's life to it."""
    die_with_parent(parent)
    from multiprocessing.connection import Connection

    return Connection(descriptor)


def run_child_process(
    command: Sequence[str], source: IO[bytes], result: int, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a Python command with `source` as stdin and the descriptor `result` as stdout; capture its stderr.

    Its PYTHONPATH is this process's `sys.path`. It runs in `/`, where only root can place a module.

    Raises:
        TimeoutExpired: it exceeded `seconds` and was killed.
    """
    return subprocess.run(  # noqa: S603  # our own interpreter
        command,
        stdin=source,
        stdout=result,
        stderr=subprocess.PIPE,
        cwd="/",
        env={**environment, **python_path()},
        timeout=seconds,
        check=False,
    )


def python_path() -> dict[str, str]:
    """Return the variable that makes a child's `sys.path` this process's, without the working folder."""
    return {"PYTHONPATH": os.pathsep.join(each for each in sys.path if isinstance(each, str) and each)}


def child_environment(**added: str) -> dict[str, str]:
    """Return the environment of a child: this process's, without secrets, plus `added`.

    A variable is dropped when its name suggests a secret or the place of one: HF_TOKEN, AWS_SECRET_ACCESS_KEY,
    AWS_SHARED_CREDENTIALS_FILE.
    """
    harmless = {
        name: value for name, value in os.environ.items() if name.startswith(_PIP_PREFIX) or not _SECRET.search(name)
    }
    return {**harmless, **added}


def die_with_parent(parent: int) -> None:
    """Make the kernel kill this process when its parent ends; kill it now if the parent has ended already.

    `parent` is the process id of the parent, before the kernel assigns an orphan a new one.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the process to exit, as it does when its pipe closes; kill it after `_EXIT_TIMEOUT` seconds."""
    try:
        process.wait(_EXIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
