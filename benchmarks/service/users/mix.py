"""A mix of everything at a steady rate, for a long time."""

import random
import time
from pathlib import Path

import gevent
from locust import FastHttpUser, constant_pacing, task
from recorder import SETTINGS, form, token

_CONTENT = Path(SETTINGS["recording"]).read_bytes()
_TASKS = ("diarize", "diarize", "vad", "transcribe", "run")
_FORMATS = ("json", "srt", "rttm", "html", "txt", "json-whisperx")
_ENDED = ("succeeded", "failed", "cancelled")
_WRONG = {"text.txt": b"no audio " * 1000, "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(5000), "empty.wav": b""}
_ACCEPTED = 202
_PATIENCE = 600.0
"""Seconds to wait for a job."""
_numbers = iter(range(1_000_000))


class Client(FastHttpUser):
    """Submits a job, follows it, fetches its result, and deletes every second one."""

    fixed_count = SETTINGS["clients"]
    wait_time = constant_pacing(SETTINGS["pacing_seconds"])
    connection_timeout = network_timeout = 600.0

    def on_start(self) -> None:
        """Take a key; start at a random moment of the pace."""
        self.headers = {"X-API-Key": token(next(_numbers))}
        gevent.sleep(random.uniform(0, SETTINGS["pacing_seconds"]))  # noqa: S311

    @task(8)
    def work(self) -> None:
        """Run a job to its end."""
        job = self._submit()
        if job and self._follow(job) == "succeeded":
            kind = random.choice(_FORMATS)  # noqa: S311
            # A task that makes no transcript has no subtitles, which is status 409.
            self.client.get(f"{job}/result?format={kind}", headers=self.headers, name="GET result")
        if job and random.choice((True, False)):  # noqa: S311
            self.client.delete(job, headers=self.headers, name="DELETE job")

    @task(1)
    def cancel(self) -> None:
        """Cancel a job at once."""
        if job := self._submit():
            self.client.post(f"{job}/cancel", headers=self.headers, name="POST cancel")

    @task(1)
    def send_no_audio(self) -> None:
        """Upload what is no recording."""
        name = random.choice([*_WRONG])  # noqa: S311
        headers, body = form({}, name, _WRONG[name])
        self.client.post("/v1/jobs", data=body, headers=headers | self.headers, name="POST no audio")

    def _submit(self) -> str | None:
        headers, body = form({"task": random.choice(_TASKS)}, "mix.wav", _CONTENT)  # noqa: S311
        response = self.client.post("/v1/jobs", data=body, headers=headers | self.headers, name="POST /v1/jobs")
        return response.headers.get("location") if response.status_code == _ACCEPTED else None

    def _follow(self, job: str) -> str | None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            response = self.client.get(job, headers=self.headers, name="GET job")
            state = response.json()["state"] if response.status_code == 200 else None  # noqa: PLR2004
            if state in _ENDED:
                return state
            gevent.sleep(3)
        return None


class Visitor(FastHttpUser):
    """Opens the page and the description, probes the server, and tries a wrong key."""

    fixed_count = 1
    wait_time = constant_pacing(2)

    @task
    def visit(self) -> None:
        """Ask for one of them."""
        key = {"X-API-Key": token(0)}
        for path, headers in (("/", {}), ("/livez", {}), ("/readyz", {}), ("/openapi.json", key), ("/metrics", key)):
            self.client.get(path, headers=headers)
        self.client.get("/v1/jobs", headers={"X-API-Key": "dr_wrong"}, name="GET wrong key")
