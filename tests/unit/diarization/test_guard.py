"""The offline guard with real sockets; each refused call succeeds without the guard."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from diarize_runner.diarization.guard import offline, process_offline
from diarize_runner.errors import OfflineViolation


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_a_connection_is_refused_inside_the_guard_and_succeeds_after_it(listener):
    with socket.socket() as client:
        with offline(), pytest.raises(OfflineViolation, match=r"tried to reach .* while offline \(socket\.connect\)"):
            client.connect(listener)
        client.connect(listener)


def test_a_name_lookup_is_refused():
    with offline(), pytest.raises(OfflineViolation, match=r"socket\.getaddrinfo"):
        socket.getaddrinfo("localhost", 443)
    socket.getaddrinfo("localhost", 443)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.gethostbyname("localhost"),
        lambda: socket.gethostbyaddr("127.0.0.1"),
        lambda: socket.getnameinfo(("127.0.0.1", 53), 0),
    ],
    ids=["by name", "by address", "by socket address"],
)
def test_other_lookups_are_refused(look_up):
    with offline(), pytest.raises(OfflineViolation):
        look_up()
    look_up()


def test_a_datagram_is_refused(listener):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        with offline(), pytest.raises(OfflineViolation):
            sender.sendto(b"telemetry", listener)
        assert sender.sendto(b"telemetry", listener) == 9


def test_a_thread_started_inside_the_guard_is_refused(listener):
    refused: list[Exception] = []

    def attempt() -> None:
        try:
            socket.create_connection(listener)
        except OfflineViolation as error:
            refused.append(error)

    with offline():
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_guards_can_be_nested(listener):
    with offline():
        with offline():
            pass
        with pytest.raises(OfflineViolation):
            socket.create_connection(listener)


def test_unix_sockets_stay_open(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        with offline():
            client.connect(path)


@pytest.fixture
def earlier_thread():
    """A pool whose thread starts before any guard."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        yield pool


def test_a_thread_started_before_the_guard_can_connect(listener, earlier_thread):
    with offline():
        earlier_thread.submit(socket.create_connection, listener).result().close()


def test_a_thread_started_by_a_guarded_thread_is_refused(listener):
    def connect():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(socket.create_connection, listener).exception()

    with offline(), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(connect).result(), OfflineViolation)


def test_a_thread_that_outlives_the_guard_can_connect_afterwards(listener):
    with ThreadPoolExecutor(1) as pool:
        with offline():
            assert isinstance(pool.submit(socket.create_connection, listener).exception(), OfflineViolation)
        pool.submit(socket.create_connection, listener).result().close()


def test_an_asyncio_task_is_refused(listener):
    async def connect():
        return await asyncio.gather(asyncio.open_connection(*listener), return_exceptions=True)

    async def guarded():
        with offline():
            return await asyncio.create_task(connect())

    assert isinstance(asyncio.run(guarded())[0], OfflineViolation)


def test_process_offline_refuses_every_thread_until_the_block_ends(listener, earlier_thread):
    with process_offline():
        assert isinstance(earlier_thread.submit(socket.create_connection, listener).exception(), OfflineViolation)
    earlier_thread.submit(socket.create_connection, listener).result().close()
