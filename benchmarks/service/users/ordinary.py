"""Ordinary requests at a steady rate: each user asks once a second, and submits a job every third time."""

from pathlib import Path

from locust import FastHttpUser, constant_throughput, task
from recorder import SETTINGS, form, token

_CONTENT = Path(SETTINGS["recording"]).read_bytes()
_numbers = iter(range(1_000_000))


class Ordinary(FastHttpUser):
    """A client; a refused request counts, and is not repeated."""

    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Take a key."""
        self.headers = {"X-API-Key": token(next(_numbers))}

    @task
    def probe(self) -> None:
        """Ask whether the server lives."""
        self.client.get("/livez")

    @task
    def list_jobs(self) -> None:
        """List jobs."""
        self.client.get("/v1/jobs?limit=10", headers=self.headers, name="GET /v1/jobs")

    @task
    def submit(self) -> None:
        """Submit a job."""
        headers, body = form({"task": "vad"}, "ordinary.wav", _CONTENT)
        self.client.post("/v1/jobs", data=body, headers=headers | self.headers, name="POST /v1/jobs")
