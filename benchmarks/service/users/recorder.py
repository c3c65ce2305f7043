"""What all users share: their settings, and a line for each answer."""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment

SETTINGS = json.loads(os.environ["SERVICE_LOAD"])
TOO_MANY_REQUESTS = 429
_DEFAULT_WAIT = 5.0
"""Seconds, if an answer does not say how long to wait."""


@events.init.add_listener
def record_answers(environment: Environment, **_: Any) -> None:
    """Write each answer to the file of the settings."""
    file = Path(SETTINGS["answers"]).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 (open until locust ends)

    def write(**fired: Any) -> None:
        file.write(json.dumps(_describe(**fired)) + "\n")

    environment.events.request.add_listener(write)


def _describe(
    name: str, response_time: float, response: Any = None, exception: object = None, start_time: float = 0.0, **_: Any
) -> dict[str, object]:
    seconds = response_time / 1000
    return {
        "name": name,
        "at": start_time or time.time() - seconds,
        "seconds": seconds,
        "status": getattr(response, "status_code", 0) or 0,
        "error": str(exception)[:200] if exception else "",
        "location": _header(response, "location"),
    }


def wait_seconds(response: Any) -> float:
    """Return how long to wait before the next try: as the answer says, and up to a second more."""
    value = _header(response, "retry-after")
    return (float(value) if value.isdecimal() else _DEFAULT_WAIT) + random.uniform(0, 1)  # noqa: S311


def token(number: int) -> str:
    """Return a key; users take them in turn."""
    return SETTINGS["tokens"][number % len(SETTINGS["tokens"])]


def form(fields: dict[str, str], name: str, content: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a form with a recording."""
    boundary = "service-load-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join((*parts, head, content, f"\r\n--{boundary}--\r\n".encode()))
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def _header(response: Any, name: str) -> str:
    headers = getattr(response, "headers", None)
    return (headers.get(name) or "") if headers else ""
