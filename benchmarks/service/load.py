"""Start locust on a file of `users/`, and read its answers."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.peers.environments import ROOT, PeerEnvironment
from benchmarks.service.answers import Answer, read_answers

LOCUST_ENVIRONMENT: Final = PeerEnvironment(folder=ROOT / ".bench/locust", packages=("locust==2.47.0",))
SETTINGS_VARIABLE: Final = "SERVICE_LOAD"
"""JSON for the users, with the path of the file for their answers."""
_USERS = Path(__file__).with_name("users")
_STOP_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """A load on a server."""

    users_file: str
    """Of `users/`, without its suffix."""
    url: str
    users: int
    answers: Path
    """The file to write them to."""
    settings: dict[str, object] = field(default_factory=dict)

    def run(self, most_seconds: float) -> list[Answer]:
        """Run it until its users have stopped; return the answers.

        Raises:
            SystemExit: locust fails, or takes longer than that.
        """
        with self.running() as process:
            try:
                code = process.wait(most_seconds)
            except subprocess.TimeoutExpired:
                raise SystemExit(f"error: {self.users_file} takes longer than {most_seconds:.0f} s") from None
        if code:
            raise SystemExit(f"error: locust ended with exit code {code}: {self._log.read_text(encoding='utf-8')}")
        return self.read()

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run it while the block runs."""
        self.answers.unlink(missing_ok=True)
        settings = json.dumps({**self.settings, "answers": str(self.answers)})
        with self._log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                self._command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, SETTINGS_VARIABLE: settings},
                start_new_session=True,
            )
        try:
            yield process
        finally:
            _stop(process)

    def read(self) -> list[Answer]:
        """Return the answers that came so far."""
        return read_answers(self.answers)

    @property
    def _log(self) -> Path:
        return self.answers.with_suffix(".log")

    def _command(self) -> list[str]:
        python = LOCUST_ENVIRONMENT.python()
        users = str(self.users)
        file = str(_USERS / f"{self.users_file}.py")
        options = ["--headless", "--only-summary", "--exit-code-on-error", "0", "--loglevel", "WARNING"]
        counts = ["--users", users, "--spawn-rate", users, "--host", self.url]
        return [str(python), "-m", "locust", "-f", file, *options, *counts]


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End locust, whose answers are on the disk already."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
