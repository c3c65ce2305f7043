"""A Ray cluster on this machine: a head and nodes, each with its own raylet, and drivers that can be killed.

`ray start --block` has every process of a node as its descendant, so that one walk finds what to kill. The token, the
sessions and the logs are in a folder of /tmp, because the path of a socket has at most 107 bytes.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path

from support.command import ROOT, closed_port
from support.service_process import children_of, kill_process, until

_RAY = Path(sys.executable).with_name("ray")
_STARTED = "Ray runtime started."
_OBJECT_STORE_BYTES = 80_000_000
"""Close to the least that Ray takes: a batch stores nothing in it."""
_LONGEST_WAIT = 300.0
"""Seconds that a busy machine may need to start a node, or to run a batch."""


class Process:
    """A process with its output in a file."""

    def __init__(self, command, log, environment):
        self.log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
            )

    @property
    def text(self):
        return self.log.read_text(errors="replace")

    @property
    def pid(self):
        return self._process.pid

    @property
    def is_running(self):
        return self._process.poll() is None

    def wait_for(self, text):
        """Wait until the process has printed this; return itself."""
        until(lambda: text in self.text or not self.is_running, "it is slow", _LONGEST_WAIT)
        assert text in self.text, self.text
        return self

    def wait(self, seconds=_LONGEST_WAIT):
        """Return its exit code."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        raise AssertionError(self.text)

    def has_descendant(self, title):
        """Whether a descendant has this in its command line."""
        found = (Path(f"/proc/{process}/cmdline") for process in descendants_of(self._process.pid))
        return any(title.encode() in _read(path) for path in found)

    def interrupt(self):
        """Press Ctrl-C; return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()

    def terminate(self):
        """Send SIGTERM; return the exit code."""
        self._process.terminate()
        return self.wait()

    def kill(self):
        """Kill it and all its descendants with SIGKILL, as a machine without power would."""
        for process in (self._process.pid, *descendants_of(self._process.pid)):
            kill_process(process)
        self._process.wait()


def descendants_of(process):
    """Return the ids of the children of a process, of their children, and so on."""
    return [found for child in children_of(process) for found in (child, *descendants_of(child))]


def _read(path):
    with suppress(OSError):
        return path.read_bytes()
    return b""


class LocalRay:
    """The processes of a cluster, which see `environment`."""

    def __init__(self, folder, **environment):
        self.folder = folder
        self.token = folder / "token"
        self.token.touch(mode=0o600)
        self.token.write_text(uuid.uuid4().hex * 2)
        self._environment, self._processes = self._clean_environment(environment), []
        self.head, self.address = None, ""
        """HOST:PORT of the head."""

    def start_head(self):
        """Start the head, which runs no tasks."""
        # Where grpcio is installed, Ray serves Ray Client, too, and nothing turns that off.
        ports = ("--port=0", f"--ray-client-server-port={closed_port()}")
        self.head = self._start_ray(
            "head", "--head", *ports, "--num-cpus=0", "--include-dashboard=false", "--no-monitor"
        )
        self.address = (self.folder / "head" / "ray_current_cluster").read_text().strip()

    def add_node(self, *options, **environment):
        """Start a node, with one CPU unless the options say otherwise; return its process."""
        name = f"node-{len(self._processes)}"
        return self._start_ray(name, f"--address={self.address}", *(options or ("--num-cpus=1",)), **environment)

    def drive(self, *arguments, **environment):
        """Start `diarize-runner` with these arguments."""
        return self.start("driver", [sys.executable, "-m", "diarize_runner", *arguments], **environment)

    def start(self, name, command, **environment):
        """Start a command in the environment of the nodes; a variable that is None is unset."""
        log = self.folder / f"{name}-{len(self._processes)}.log"
        changed = {**self._environment, **environment}
        process = Process(command, log, {key: value for key, value in changed.items() if value is not None})
        self._processes.append(process)
        return process

    def processes(self):
        """Return the ids of all its processes."""
        running = [each for each in self._processes if each.is_running]
        return [process for each in running for process in (each.pid, *descendants_of(each.pid))]

    def stop(self):
        """Kill everything."""
        for process in reversed(self._processes):
            process.kill()

    def _start_ray(self, name, *options, **environment):
        (self.folder / name).mkdir()
        settings = [
            f"--temp-dir={self.folder / name}",
            f"--object-store-memory={_OBJECT_STORE_BYTES}",
            "--min-worker-port=0",
            "--max-worker-port=0",
            "--include-log-monitor=false",
            "--disable-usage-stats",
            "--block",
        ]
        return self.start(name, [_RAY, "start", *options, *settings], **environment).wait_for(_STARTED)

    def _clean_environment(self, environment):
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.folder),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            "RAY_USAGE_STATS_ENABLED": "0",
            **environment,
        }


@contextmanager
def local_ray(**environment):
    """Yield a cluster that has only its head; nothing of it is left after the block."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    cluster = LocalRay(folder, **environment)
    try:
        cluster.start_head()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
