"""The socket that systemd passes, and the report of readiness."""

import os
import socket
from pathlib import Path

import pytest

from diarize_runner.errors import UsageError
from diarize_runner.service import systemd
from diarize_runner.service.settings import Settings, require_safe
from diarize_runner.service.systemd import NO_SYSTEMD, Systemd


@pytest.fixture
def passed(monkeypatch):
    """Return a function that passes a socket to this process, and returns the environment that says so."""

    def passing(passed_socket, **changed):
        monkeypatch.setattr(systemd, "_FIRST_DESCRIPTOR", passed_socket.detach())
        return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", **changed}

    return passing


def tcp(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family)


def test_without_systemd_nothing_is_passed_and_settings_keep_their_address():
    taken = Systemd.take({})

    assert taken == NO_SYSTEMD
    assert taken.at_address(Settings(port=9)) == Settings(port=9)
    taken.notify_ready()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
def test_the_address_of_the_socket_wins_over_the_settings(passed, host):
    server = tcp(host)
    port = server.getsockname()[1]

    taken = Systemd.take(passed(server))
    with taken.listener:
        settings = taken.at_address(Settings(host="127.0.0.2", port=9))

    assert (settings.host, settings.port) == (host, port)


def test_a_socket_that_other_machines_reach_needs_keys_whatever_the_options_say(passed):
    taken = Systemd.take(passed(tcp("0.0.0.0")))

    with taken.listener, pytest.raises(UsageError, match="other machines reach 0"):
        require_safe(taken.at_address(Settings(host="127.0.0.1")))


def test_a_child_process_inherits_neither_the_socket_nor_the_variables(passed):
    environ = passed(tcp(), NOTIFY_SOCKET="/run/notify", PATH="/bin")

    with Systemd.take(environ).listener as listener:
        assert not listener.get_inheritable()
    assert environ == {"PATH": "/bin"}


def test_a_socket_for_another_process_is_not_taken(passed):
    environ = passed(tcp(), LISTEN_PID=str(os.getppid()))

    assert Systemd.take(environ).listener is None
    os.close(systemd._FIRST_DESCRIPTOR)


def test_several_sockets_are_refused(passed):
    environ = passed(tcp(), LISTEN_FDS="2")

    with pytest.raises(UsageError, match="systemd passes 2 sockets"):
        Systemd.take(environ)
    os.close(systemd._FIRST_DESCRIPTOR)


@pytest.mark.parametrize("kind", [(socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)])
def test_a_socket_that_is_not_tcp_is_refused(passed, kind):
    with pytest.raises(UsageError, match="not TCP"):
        Systemd.take(passed(socket.socket(*kind)))


def test_a_descriptor_that_is_no_socket_is_refused(passed, tmp_path):
    with Path(tmp_path, "file").open("w") as file:
        environ = passed(socket.socket())
        os.dup2(file.fileno(), systemd._FIRST_DESCRIPTOR)
        with pytest.raises(UsageError, match="is no socket"):
            Systemd.take(environ)
        os.close(systemd._FIRST_DESCRIPTOR)


@pytest.mark.parametrize("abstract", [False, True])
def test_readiness_is_reported_once_to_the_address_of_systemd(tmp_path, abstract):
    name = f"diarize-runner-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}" if abstract else name)

        Systemd.take({"NOTIFY_SOCKET": f"@{name}" if abstract else name}).notify_ready()

        assert receiver.recv(100, socket.MSG_DONTWAIT) == b"READY=1"
        with pytest.raises(BlockingIOError):
            receiver.recv(100, socket.MSG_DONTWAIT)
