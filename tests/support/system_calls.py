"""Record the file system calls of a work, in order, with strace."""

import ast
import os
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from support.hosts.requirements import unavailable

_TRACED = (
    "open,openat,creat,lseek,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,ftruncate,truncate,"
    "fallocate,fsync,fdatasync,sync,syncfs,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_STRACE = ["strace", "-f", "-y", "--seccomp-bpf", "-s", "100000000", "-e", f"trace={_TRACED}", "-e", "signal=none"]
_RUN = "import pickle, sys; pickle.load(sys.stdin.buffer)()"
_LINE = re.compile(rb"(\d+) +(?:<\.\.\. \w+ resumed>(.*)|(\w+\(.*)|[+-]{3}.*)", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_CALL = re.compile(rb"(\w+)\((.*)\) += (-?\d+|\?)(?:<((?:[^>\\]|\\.)*)>)?(?: .*)?", re.DOTALL)
_ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\w+)<((?:[^>\\]|\\.)*)>|[^,\s][^,]*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file descriptor and its path."""

    number: str
    path: str


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded. Its arguments are bytes, Opened, or text such as `O_RDONLY|O_CLOEXEC`."""

    name: str
    arguments: list
    result: int | Opened


def require_strace():
    """Skip the test where strace does not work; fail it if DIARIZE_RUNNER_REQUIRE_HOSTS is 1."""
    if reason := _missing():
        unavailable(reason)


@cache
def _missing():
    if not shutil.which("strace"):
        return "strace not found: run scripts/install-test-packages.sh"
    done = subprocess.run([*_STRACE, "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"strace may not trace here: {done.stderr.strip()}"


def record_calls(work, log):
    """Run `work`, which must be picklable, in a new process; return its calls in the order of their starts.

    A dependent call starts later. The order of ends means little, as threads wait for strace.
    """
    command = [*_STRACE, "-o", str(log), sys.executable, "-c", _RUN]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, input=pickle.dumps(work), env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return list(_succeeded(_calls(log.read_bytes().splitlines())))


def _calls(lines):
    """Return the text of each call, in the order of their starts."""
    calls, pending = [], {}
    for line in lines:
        thread, resumed, call = _LINE.fullmatch(line).groups()
        if resumed is not None:
            calls[pending.pop(thread)] += resumed
        elif call and call.endswith(_UNFINISHED):
            pending[thread] = len(calls)
            calls.append(call[: -len(_UNFINISHED)])
        elif call:
            calls.append(call)
    return calls


def _succeeded(calls):
    for call in calls:
        if (found := _CALL.fullmatch(call)) and found[3] != b"?" and int(found[3]) >= 0:
            arguments = [_argument(match) for match in _ARGUMENT.finditer(found[2])]
            yield Call(found[1].decode(), arguments, int(found[3]) if found[4] is None else _opened(found[3], found[4]))


def _argument(match):
    text, number, path = match.groups()
    if text is not None:
        return ast.literal_eval(f'b"{text.decode()}"')
    if number is not None:
        return _opened(number, path)
    return match[0].decode()


def _opened(number, path):
    return Opened(number.decode(), os.fsdecode(ast.literal_eval(f'b"{path.decode()}"')))
