"""What all users share: their settings, and a line for each answer."""

import json
import os
import random
import time

from locust import events

SETTINGS = json.loads(os.environ["SERVICE_LOAD"])
TOO_MANY_REQUESTS = 429
_DEFAULT_WAIT = 5.0
"""Seconds, if an answer does not say how long to wait."""


@events.init.add_listener
def record_answers(environment, **_):
    """Write each answer to the file of the settings."""
    file = open(SETTINGS["answers"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115 (open until locust ends)

    def write(name, response_time, response=None, exception=None, start_time=None, **_):
        seconds = response_time / 1000
        line = {
            "name": name,
            "at": start_time or time.time() - seconds,
            "seconds": seconds,
            "status": getattr(response, "status_code", 0) or 0,
            "error": repr(exception)[:200] if exception else "",
            "location": _header(response, "location"),
        }
        file.write(json.dumps(line) + "\n")

    environment.events.request.add_listener(write)


def wait_seconds(response):
    """Return how long to wait before the next try: as the answer says, and up to a second more."""
    value = _header(response, "retry-after")
    return (float(value) if value.isdecimal() else _DEFAULT_WAIT) + random.uniform(0, 1)  # noqa: S311


def token(number):
    """Return a key; users take them in turn."""
    return SETTINGS["tokens"][number % len(SETTINGS["tokens"])]


def form(fields, name, content):
    """Return the headers and the body of a form with a recording."""
    boundary = "service-load-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join((*parts, head, content, f"\r\n--{boundary}--\r\n".encode()))
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def _header(response, name):
    headers = getattr(response, "headers", None)
    return (headers.get(name) or "") if headers else ""
