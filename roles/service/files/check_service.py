#!/usr/bin/env python3
"""Wait until the service is ready; with a sample, have it diarize that too: `- URL [SAMPLE COMMAND KEYS]`.

SAMPLE is a pattern of its path. If KEYS names a file, COMMAND adds a key to it for the check, and revokes it. The key
stays in this process: no command line and no log has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_SECONDS = 60
START_SECONDS = 60
JOB_SECONDS = 900
POLL_SECONDS = 2  # the service allows 120 requests a minute
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
"""Of the commands that change keys."""
BOUNDARY = b"--sample--of--the--box--"
OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Service:
    """The service at a URL, with the headers that it requires."""

    url: str
    headers: dict[str, str]

    def wait_until_ready(self) -> None:
        """Wait until it takes jobs; exit with its answer if it does not."""
        deadline = time.monotonic() + READY_SECONDS
        while problem := self.problem():
            if time.monotonic() > deadline:
                sys.exit(f"{self.url}/readyz: {problem}")
            time.sleep(POLL_SECONDS)

    def problem(self) -> str:
        """Return why it takes no jobs; empty if it does."""
        try:
            self.request("/readyz")
        except OSError as reason:  # also an answer that is an error
            return explain(reason)
        return ""

    def diarize(self, recording: Path) -> str:
        """Have a recording diarized; return a sentence that says so. Jobs of others can be ahead of it."""
        job = f"/v1/jobs/{self.submit(recording)}"
        try:
            if self.wait(job, ["queued"], START_SECONDS) == "queued":
                self.wait_until_ready()
                return "other jobs are ahead of the sample, so it was not diarized"
            state = self.wait(job, ["queued", "running"], JOB_SECONDS)
            if state != "succeeded":
                failure = json.loads(self.request(job)).get("failure") or {}
                sys.exit(f"the job of the sample is {state}: {failure.get('detail', 'it takes too long')}")
            turns = self.request(f"{job}/result?format=rttm").decode().splitlines()
            return f"the sample has {len(turns)} speaker turns of {len({turn.split()[7] for turn in turns})} speakers"
        finally:
            self.request(job, method="DELETE")

    def submit(self, recording: Path) -> str:
        """Submit a recording; return the id of its job."""
        part = b'Content-Disposition: form-data; name="file"; filename="sample.wav"\r\n\r\n' + recording.read_bytes()
        body = b"--%s\r\n%s\r\n--%s--\r\n" % (BOUNDARY, part, BOUNDARY)
        form = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
        job_id: str = json.loads(self.request("/v1/jobs", form, data=body))["id"]
        return job_id

    def wait(self, job: str, states: list[str], seconds: float) -> str:
        """Wait while the job has one of the states, at most so many seconds; return its state."""
        deadline = time.monotonic() + seconds
        while True:
            state: str = json.loads(self.request(job))["state"]
            if state not in states or time.monotonic() > deadline:
                return state
            time.sleep(POLL_SECONDS)

    def request(
        self, path: str, headers: dict[str, str] | None = None, data: bytes | None = None, method: str | None = None
    ) -> bytes:
        """Return the body of the answer. Raises OSError, also of an answer that is an error."""
        sent = Request(  # noqa: S310  # the URL is the service's
            self.url + path, data=data, headers={**self.headers, **(headers or {})}, method=method
        )
        with OPENER.open(sent, timeout=READY_SECONDS) as answer:
            body: bytes = answer.read()
        return body


@contextmanager
def temporary_key(command: str, keys: str) -> Iterator[dict[str, str]]:
    """Yield the header of a key that is valid during the block; no header without a file of keys."""
    if not keys:
        yield {}
        return
    name = f"check-of-the-service-{os.getpid()}"
    adding = [command, "service-key", "add", name, "--keys", keys]
    added = subprocess.run(adding, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  # no user input
    try:
        yield {"X-API-Key": added.stdout.strip()}
    finally:
        revoking = [command, "service-key", "revoke", name, "--keys", keys]
        subprocess.run(revoking, env=ENVIRONMENT, capture_output=True, check=True)  # noqa: S603  # no user input


def find_sample(pattern: str) -> Path | None:
    """Return the first file that matches: in the packages of a release, or in the images that hold them."""
    release, _, name = pattern.partition("/lib/python3*/site-packages/")
    listed = Path(release, "images.json")
    images = json.loads(listed.read_text(encoding="utf-8"))["images"] if listed.is_file() else []
    patterns = [pattern, *(f"{image['point']}/{name}" for image in images)]
    return next((path for each in patterns for path in Path("/").glob(each.lstrip("/"))), None)


def explain(reason: OSError) -> str:
    """Return what an error says, and what the service says in it."""
    answer = reason.read().decode(errors="replace") if isinstance(reason, HTTPError) else ""
    return f"{reason} {answer}".strip()


def main(url: str, sample: str = "", command: str = "", keys: str = "") -> str:
    """Check the service; return what was found."""
    Service(url, {}).wait_until_ready()
    if not sample:
        return "ready"
    recording = find_sample(sample)
    if recording is None:
        sys.exit(f"no file matches {sample}")
    with temporary_key(command, keys) as headers:
        return f"ready; {Service(url, headers).diarize(recording)}"


try:
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
except OSError as problem:
    sys.exit(explain(problem))
