"""A process that this one starts: without our secrets, asked over a pipe, watched, and gone when this one is.

    child_environment   the variables that it gets
    started, Child      one that is asked again and again, and is at work as long as the block is
    run_to_end          one that reads a file and writes one
    channel_of          in the child: where it is asked, its life bound to its parent's
    die_with_parent     that alone

A child inherits everything that its parent does not withhold, and hands it on: pip starts `uname`, `lsb_release` and
`rustc`. No child of ours signs in anywhere but pip, at a package index, by the settings that begin with PIP_.
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
_OF_PIP = "PIP_"
_PR_SET_PDEATHSIG = 1
"""As linux/prctl.h numbers it."""
_STDERR = 2
"""The descriptor: what libraries print is no answer."""
_EVERY = 0.2
"""Seconds between two looks at a child that was asked."""
_PATIENCE = 10.0
"""Seconds that a child has to end by itself."""


class Died(Exception):
    """A child ended before it answered: says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """A process that is asked, one question at a time."""

    process: "subprocess.Popen[bytes]"
    channel: "Connection[Any, Any]"

    def ask(self, question: object, watch: Callable[[], object] | None = None) -> Any:
        """Return the answer, or raise it if it is an error; until it comes, call `watch` time and again.

        Raises:
            Died: the child ended before it answered.
        """
        try:
            self.channel.send(question)
            while watch and not self.channel.poll(_EVERY):
                watch()
            answer = self.channel.recv()
        except (EOFError, ConnectionError) as reason:
            raise self._died() from reason
        if isinstance(answer, Exception):
            raise answer
        return answer

    def first_word(self) -> Any:
        """Return what the child says before it is asked; raise Died when it ended before."""
        try:
            return self.channel.recv()
        except EOFError as reason:
            raise self._died() from reason

    def _died(self) -> Died:
        code = self.process.wait()
        return Died(f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}")


@contextmanager
def started(program: str) -> Iterator[Child]:
    """Start a Python that runs `program` with the arguments of `channel_of`, and end it when the block ends.

    `python -c` looks for modules in the working folder first: that is for `program` to prevent.
    """
    from multiprocessing import Pipe  # only here: who confines itself, or runs to an end, has no use for it

    ours, theirs = Pipe()
    command = [sys.executable, "-W", "ignore", "-c", program, str(theirs.fileno()), str(os.getpid())]
    process = subprocess.Popen(  # noqa: S603  # no shell, and nothing a user typed
        command, pass_fds=[theirs.fileno()], env=child_environment(), stdin=subprocess.DEVNULL, stdout=_STDERR
    )
    theirs.close()
    try:
        yield Child(process=process, channel=ours)
    finally:
        ours.close()
        _end(process)


def channel_of(descriptor: int, parent: int) -> "Connection[Any, Any]":
    """Return, in a child, where it is asked by the process `parent`, with which it dies from here on."""
    die_with_parent(parent)
    from multiprocessing.connection import Connection

    return Connection(descriptor)


def run_to_end(
    command: Sequence[str], source: IO[bytes], result: int, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of ours from `source` to the descriptor `result`; return how it ended, and what it said on stderr.

    Its PYTHONPATH is our `sys.path`. It runs in `/`, where nobody but root can plant a module.

    Raises:
        TimeoutExpired: it took more than `seconds`, and was killed.
    """
    return subprocess.run(  # noqa: S603  # our own interpreter
        command,
        stdin=source,
        stdout=result,
        stderr=subprocess.PIPE,
        cwd="/",
        env={**environment, "PYTHONPATH": os.pathsep.join(each for each in sys.path if isinstance(each, str) and each)},
        timeout=seconds,
        check=False,
    )


def child_environment(**added: str) -> dict[str, str]:
    """Return the variables that a child gets, and those `added` for it.

    A variable is withheld when a word of its name says that it holds a secret, or where one is: HF_TOKEN,
    AWS_SECRET_ACCESS_KEY, AWS_SHARED_CREDENTIALS_FILE.
    """
    ours = {name: value for name, value in os.environ.items() if name.startswith(_OF_PIP) or not _SECRET.search(name)}
    return {**ours, **added}


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent is gone; end it now, if that was before this was asked for.

    `parent` is the process id of who started this one: after its death the kernel gives another.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process ends, as it does when its channel is closed; kill it after `_PATIENCE` seconds."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
