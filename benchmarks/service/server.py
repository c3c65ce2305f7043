"""`diarize-runner serve` on a folder of its own, and its jobs."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.service.processes import resident_by_role

PROGRAM: Final = (sys.executable, "-m", "diarize_runner")
_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_JOBS_OF_STATE = re.compile(r'^diarize_runner_jobs\{state="(\w+)"\} (\S+)', re.MULTILINE)
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server that takes jobs."""

    url: str
    process: "subprocess.Popen[bytes]"
    client: httpx.Client

    def resident(self) -> dict[str, int]:
        """Return the resident bytes of its processes, by role."""
        return resident_by_role(self.process.pid)

    def unfinished(self, key: str) -> int:
        """Return the number of jobs, of all keys, that wait or run."""
        counts = parse_jobs(self._get("/metrics", key).text)
        return sum(count for state, count in counts.items() if state not in _ENDED)

    def wait_until_idle(self, key: str, most_seconds: float) -> None:
        """Wait until no job waits or runs. Raises SystemExit if that takes longer."""
        wait_until(lambda: self.unfinished(key) == 0, most_seconds, "the server does not work off its jobs")

    def jobs(self, keys: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the documents of all jobs of the keys."""
        return [job for key in keys for job in self._pages(key)]

    def _pages(self, key: str) -> Iterator[dict[str, Any]]:
        path: str | None = "/v1/jobs?limit=1000"
        while path:
            page = self._get(path, key).json()
            yield from page["jobs"]
            path = f"/v1/jobs?limit=1000&cursor={page['next_cursor']}" if page["next_cursor"] else None

    def _get(self, path: str, key: str) -> httpx.Response:
        """Return an answer; wait while the key has sent too many requests."""
        while (
            response := self.client.get(path, headers={"X-API-Key": key})
        ).status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(float(response.headers["Retry-After"]))
        return response.raise_for_status()


@contextmanager
def serving(folder: Path, cache: Path, keys: Path, *options: str) -> Iterator[Server]:
    """Yield a server on the CPU that is ready; it is stopped when the block ends."""
    log = folder.with_suffix(".log")
    words = ("--cache", str(cache), "--folder", str(folder), "--keys", str(keys), "--device", "cpu", "--port", "0")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [*PROGRAM, "serve", *words, *options], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = _address(process, log)
        with httpx.Client(base_url=url, timeout=120.0, trust_env=False) as client:
            wait_until(lambda: client.get("/readyz").is_success, _START_SECONDS, "the server is not ready")
            yield Server(url=url, process=process, client=client)
    finally:
        _stop(process)


def wait_until(condition: Callable[[], bool], most_seconds: float, problem: str) -> None:
    """Wait until the condition holds. Raises SystemExit if that takes longer."""
    deadline = time.monotonic() + most_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"error: {problem} within {most_seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


def parse_jobs(metrics: str) -> dict[str, int]:
    """Return the number of jobs by state, from the text of `/metrics`."""
    return {state: round(float(count)) for state, count in _JOBS_OF_STATE.findall(metrics)}


def count_states(jobs: list[dict[str, Any]]) -> Mapping[str, int]:
    """Return the number of jobs by state, from their documents."""
    return dict(Counter(job["state"] for job in jobs))


def add_key(file: Path, name: str) -> str:
    """Return a new key of the file."""
    command = [*PROGRAM, "service-key", "add", name, "--keys", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    found = re.search(r"dr_[\w-]+", done.stdout)
    if found is None:
        raise SystemExit(f"error: service-key add printed no key: {done.stdout}")
    return found[0]


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"serving (http://[\w.:]+)", log.read_text(encoding="utf-8")):
            return found[1]
        time.sleep(0.1)
    raise SystemExit(f"error: the server does not start: {log.read_text(encoding='utf-8')}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
