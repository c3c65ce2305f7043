"""`diarize-runner spool` in a process of its own, with a diarizer that has no model.

python support/spool_process.py OPTIONS     as `diarize-runner spool OPTIONS`

It prints LOADED for each load. A recording named `slow` prints WORKING, and takes until the process ends.
"""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

from support.command import ROOT

LOADED, WORKING = "the models are loaded", "working on it"
_LONGEST_WAIT = 60.0
"""Seconds that a busy machine may need for anything."""


def main(words):
    """Run the command; only this process imports it, so that others start fast."""
    from support.diarizers import OneSpeaker

    from diarize_runner import cli
    from diarize_runner.jobs import session

    def load(cache, device, engine):
        sys.stderr.write(f"{LOADED}\n")
        return session.Session(diarizer=OneSpeaker(device=device, meanwhile=_meanwhile), manifest=cache.manifest)

    session.load_session = load
    return cli.main(["spool", *words])


def _meanwhile(uri):
    if uri == "slow":
        sys.stderr.write(f"{WORKING}\n")
        time.sleep(24 * 3600)


class SpoolProcess:
    """A run; `log` is what it has printed."""

    def __init__(self, folder, *options, program=__file__, **environment):
        self.folder, self.log = folder, []
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(program), str(folder), *map(str, options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **environment},
            start_new_session=True,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, line):
        """Wait until the run has printed the line."""
        deadline = time.monotonic() + _LONGEST_WAIT
        while line not in self.log:
            assert self._reader.is_alive(), self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def wait_until_labelled(self, stem):
        """Wait until a recording is in the outbox, and the run looks for the next one."""
        self.wait_for(f"{self.folder}/outbox/{stem}")

    def terminate(self):
        """Stop the run with SIGTERM; return its exit code."""
        self.process.terminate()
        return self.end()

    def end(self):
        """Return the exit code of a run that ends."""
        code = self.process.wait(_LONGEST_WAIT)
        self._reader.join()
        return code

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
        self.process.stderr.close()


@contextmanager
def spool_process(folder, *options, program=__file__, **environment):
    """Yield a run of `program`, which is this file or a link to it; it is killed when the block ends."""
    spool = SpoolProcess(folder, *options, program=program, **environment)
    try:
        yield spool
    finally:
        spool.process.kill()
        spool.end()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
