"""`diarize-runner serve` in a process of its own, with a model process that has no models; how to kill either.

python -m support.service_process OPTIONS     as `diarize-runner serve OPTIONS`
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
from support.command import ROOT

BOX, LEASE = "SERVICE_BOX", "SERVICE_LEASE_SECONDS"
"""Variables that set the name of the box, and how long it may give no sign of life."""
LONGEST_WAIT = 60.0
"""Seconds that a busy machine may need for anything."""
_CHILD = b"support.fake_models"


def main(words):
    """Serve; the imports of `support.services` would make each start a second longer."""
    from diarize_runner import cli
    from diarize_runner.cli import serve as command
    from diarize_runner.cli.output import Result
    from diarize_runner.service.catalog import Catalog
    from diarize_runner.service.server import serve_models
    from diarize_runner.service.settings import Limits, Settings
    from diarize_runner.service.workers.models import Models, model_program

    def run(arguments, progress):
        limits = Limits(requests_per_minute=100_000, reserved_bytes=0)
        settings = command._with_options(_settings(Settings(limits=limits)), arguments)
        models = Models(lambda: model_program("support.fake_models"))
        serve_models(settings, Catalog(multilingual={}, default=None), models, progress)
        return Result(document={}, text="stopped")

    parser = argparse.ArgumentParser()
    cli.add_options(parser, SimpleNamespace(add_options=command.add_options, run=run))
    return cli.run_command(parser, words)


def _settings(settings):
    """Return the settings as the environment of a test says."""
    from diarize_runner.service.environment import DATABASE_URL

    values = {"box": os.environ.get(BOX), "database_url": os.environ.get(DATABASE_URL)}
    lease = float(os.environ.get(LEASE, settings.limits.lease_seconds))
    limits = replace(settings.limits, lease_seconds=lease)
    return replace(settings, limits=limits, **{name: value for name, value in values.items() if value})


class ServiceProcess:
    """A server; `log` is what it printed."""

    MODULE = "support.service_process"
    """What runs."""

    def __init__(self, folder, *options, **environment):
        command = [sys.executable, "-W", "ignore", "-m", self.MODULE]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **environment}
        self.process = subprocess.Popen(
            [*command, "--folder", str(folder), "--port", "0", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
            text=True,
        )
        self.log, self._url, self._is_known = [], None, threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def url(self):
        """Return its address; assert that it gets one."""
        assert self._is_known.wait(LONGEST_WAIT), self.log
        assert self._url, self.log
        return self._url

    def wait_until_ready(self):
        """Wait until it takes jobs; return it."""
        url = self.url
        until(lambda: self._is_ready(url), self.log)
        return self

    def model_process(self):
        """Return the id of its model process; None if it has none."""
        return next((child for child in children_of(self.process.pid) if _CHILD in _command(child)), None)

    def wait_for_model_process(self):
        """Return the id of its model process, once it has one."""
        return until(self.model_process, self.log)

    def kill(self):
        """Kill it with SIGKILL; its model process must end with it."""
        child = self.model_process()
        self.process.kill()
        self._wait()
        assert child is None or until(lambda: not is_running(child), "the model process lives on")

    def terminate(self):
        """Stop it with SIGTERM; return its exit code."""
        self.process.terminate()
        return self._wait()

    def end(self):
        """Return the exit code of a server that ends by itself."""
        return self._wait()

    def _wait(self):
        code = self.process.wait(LONGEST_WAIT)
        self._reader.join()
        return code

    def _is_ready(self, url):
        assert self.process.poll() is None, self.log
        with suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz", timeout=LONGEST_WAIT, trust_env=False).status_code == 200
        return False

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if found := re.search(r"serving (http://\S+)", line):
                self._url = found[1]
                self._is_known.set()
        self._is_known.set()
        self.process.stderr.close()


@contextmanager
def service_process(folder, *options, **environment):
    """Yield a server that is ready; it is killed when the block ends."""
    server = ServiceProcess(folder, *options, **environment)
    try:
        yield server.wait_until_ready()
    finally:
        server.kill()


def until(condition, explanation, seconds=LONGEST_WAIT):
    """Wait until the condition holds; return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, explanation
        time.sleep(0.02)
    return value


def kill_process(process):
    """Kill a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def is_running(process):
    """Return whether a process exists, and is no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def children_of(process):
    """Return the ids of its child processes, of any thread."""
    found = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listed.read_text().split())
    return found


def _command(process):
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
