"""The offline guard, against real sockets. What is refused under it is done without it."""

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


def test_a_connection_is_refused_while_the_guard_is_up_and_made_after(listener):
    with socket.socket() as client:
        with offline(), pytest.raises(OfflineViolation, match=r"tried to reach .* while offline \(socket\.connect\)"):
            client.connect(listener)
        client.connect(listener)


def test_a_name_is_not_looked_up():
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
def test_no_other_look_up_is_made_either(look_up):
    with offline(), pytest.raises(OfflineViolation):
        look_up()
    look_up()


def test_a_datagram_is_not_sent(listener):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        with offline(), pytest.raises(OfflineViolation):
            sender.sendto(b"telemetry", listener)
        assert sender.sendto(b"telemetry", listener) == 9


def test_another_thread_is_refused_too(listener):
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
def earlier():
    """A worker of a thread that was started before any guard."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        yield pool


def test_a_thread_that_was_there_before_goes_on_connecting(listener, earlier):
    with offline():
        earlier.submit(socket.create_connection, listener).result().close()


def test_a_thread_of_a_thread_is_refused(listener):
    def ask():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(socket.create_connection, listener).exception()

    with offline(), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(ask).result(), OfflineViolation)


def test_a_thread_that_outlives_the_guard_may_connect_after_it(listener):
    with ThreadPoolExecutor(1) as pool:
        with offline():
            assert isinstance(pool.submit(socket.create_connection, listener).exception(), OfflineViolation)
        pool.submit(socket.create_connection, listener).result().close()


def test_a_task_of_asyncio_is_refused(listener):
    async def ask():
        return await asyncio.gather(asyncio.open_connection(*listener), return_exceptions=True)

    async def guarded():
        with offline():
            return await asyncio.create_task(ask())

    assert isinstance(asyncio.run(guarded())[0], OfflineViolation)


def test_in_a_process_of_ours_every_thread_is_refused_until_the_block_ends(listener, earlier):
    with process_offline():
        assert isinstance(earlier.submit(socket.create_connection, listener).exception(), OfflineViolation)
    earlier.submit(socket.create_connection, listener).result().close()
