"""Submit a number of jobs; a user whose upload is refused waits as long as the answer says, and sends it again."""

from pathlib import Path

import gevent
from locust import FastHttpUser, task
from locust.exception import StopUser
from recorder import SETTINGS, TOO_MANY_REQUESTS, form, token, wait_seconds

_CONTENT = Path(SETTINGS["recording"]).read_bytes()
_numbers = iter(range(SETTINGS["count"]))
_unfinished = set(range(SETTINGS["count"]))


class Uploader(FastHttpUser):
    """A client that submits one recording after another."""

    connection_timeout = network_timeout = 600.0

    @task
    def submit(self) -> None:
        """Submit the next recording."""
        number = next(_numbers, None)
        if number is None:
            raise StopUser
        self._submit(number)
        _unfinished.discard(number)
        if not _unfinished:
            self.environment.runner.quit()

    def _submit(self, number: int) -> None:
        headers, body = form({"task": SETTINGS["task"]}, f"recording-{number}.wav", _CONTENT)
        headers["X-API-Key"] = token(number)
        while True:
            response = self.client.post("/v1/jobs", data=body, headers=headers, name="POST /v1/jobs")
            if response.status_code != TOO_MANY_REQUESTS:
                return
            gevent.sleep(wait_seconds(response))
