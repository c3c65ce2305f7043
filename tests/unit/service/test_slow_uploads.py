"""A body that comes too slowly ends with status 408, so that others can upload."""

import asyncio
import socket
from dataclasses import replace

import pytest
from starlette.exceptions import HTTPException
from support.services import LIMITS, listening_service, wav

from diarize_runner.service.web.steady import SteadyBody

FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
SLOW = replace(LIMITS, upload_rate=1 << 20, upload_grace_seconds=0.3)


def receiver(*messages, then=None):
    """Return a `receive` of these messages; afterwards it returns `then`, or waits for ever."""
    waiting = list(messages)

    async def receive():
        if not waiting and then is None:
            await asyncio.Event().wait()
        return waiting.pop(0) if waiting else then

    return receive


def part(size, *, more=True):
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def steady(receive, *, now):
    return SteadyBody(receive=receive, rate=10, grace=5.0, clock=lambda: now[0])


def receive(body):
    return asyncio.run(body.receive_in_time())


def test_a_body_that_stops_ends_with_408():
    now = [0.0]
    body = steady(receiver(), now=now)
    now[0] = 5.0

    with pytest.raises(HTTPException, match="more slowly than 10 bytes a second") as caught:
        receive(body)

    assert (caught.value.status_code, caught.value.headers) == (408, {"Connection": "close"})


def test_each_byte_gives_the_next_ones_more_time():
    now = [0.0]
    body = steady(receiver(part(1000), part(1)), now=now)
    receive(body)
    now[0] = 104.0

    assert receive(body) == part(1)


def test_a_body_that_was_fast_once_may_not_stop_for_ever():
    now = [0.0]
    body = steady(receiver(part(1000)), now=now)
    receive(body)
    now[0] = 105.0

    with pytest.raises(HTTPException):
        receive(body)


def test_after_its_end_a_client_may_wait_as_long_as_it_likes():
    now, gone = [0.0], {"type": "http.disconnect"}
    body = steady(receiver(part(1, more=False), then=gone), now=now)
    receive(body)
    now[0] = 1e6

    assert receive(body) == gone


def test_slow_uploads_end_and_those_of_others_succeed(tmp_path):
    with listening_service(tmp_path, limits=replace(SLOW, uploads=2)) as client:
        address = (client.base_url.host, client.base_url.port)
        slow = [start_upload(address) for _ in range(2)]
        answers = [read_answer(each) for each in slow]
        accepted = client.post("/v1/jobs", files={"file": ("a.wav", wav(1.0))})

    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 408 Request Timeout"] * 2
    assert all(b"connection: close" in answer.lower() for answer in answers)
    assert all(b"compressed recording" in answer for answer in answers)
    assert accepted.status_code == 202


def start_upload(address):
    """Send the first bytes of an upload that never ends."""
    connection = socket.create_connection(address, timeout=20)
    head = "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    connection.sendall(head.encode() + b"Content-Length: 100000\r\n\r\n" + FORM)
    return connection


def read_answer(connection):
    """Return all that the server sends until it closes the connection."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65_536), b""))
