"""What a benchmark ran on: what is not known is said to be, with the reason; nobody is asked without being told to."""

import http.server
import socket
import threading

import pytest
from support.command import closed_port

from diarize_runner.benchmark.environment import environment
from diarize_runner.benchmark.gpu import Gpu, look_at_gpu
from diarize_runner.benchmark.instance import ask_instance_type

SAYS = "Tesla T4, 580.95.05, 15360, 1590, 1590, 70.00, 61, 0x0000000000000004"


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put a command on PATH that says what a script has it say."""

    def put(script):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


@pytest.fixture
def metadata():
    """An instance metadata service that wants a token, as IMDSv2 does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        kind = "g4dn.xlarge"

        def do_PUT(self):
            self.say("secret" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else "")

        def do_GET(self):
            told = self.headers["X-aws-ec2-metadata-token"] == "secret"
            self.say(self.kind) if told and self.path == "/latest/meta-data/instance-type" else self.send_error(401)

        def say(self, text):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler, f"http://127.0.0.1:{server.server_port}/latest"
    server.shutdown()
    server.server_close()


def test_what_is_not_known_of_a_machine_has_a_reason():
    found = environment("cpu")
    assert found.gpu is found.instance is None
    assert found.absent["gpu"] == "not used"
    assert found.absent["instance"] == "not asked for"
    assert found.cpu
    assert found.memory > 1 << 28
    unknown = {name for name in ("memory", "gpu", "instance", "lock") if getattr(found, name) is None}
    assert set(found.absent) == unknown


def test_describing_a_machine_opens_no_connection(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    environment("cpu")


def test_the_gpu_is_described_in_its_drivers_own_words(nvidia_smi):
    nvidia_smi(f'[ "$1" = --id=GPU-1 ] && echo "{SAYS}"')
    found = look_at_gpu("GPU-1")
    assert isinstance(found, Gpu)
    assert (found.name, found.driver, found.throttled) == ("Tesla T4", "580.95.05", "0x0000000000000004")


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 9", "returned non-zero exit status 9"), ("echo no such thing", "nvidia-smi said 'no such thing'")],
)
def test_a_driver_that_does_not_answer_is_the_reason_that_is_given(nvidia_smi, script, why):
    nvidia_smi(script)
    assert why in look_at_gpu("0")


def test_a_machine_without_the_command_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nvidia-smi" in look_at_gpu("0")


def test_the_instance_type_is_asked_for_with_a_token(metadata):
    _, address = metadata
    assert ask_instance_type(address) == "g4dn.xlarge"


@pytest.mark.parametrize("kind", ["<html>", "", "g4dn"])
def test_an_answer_that_is_no_instance_type_is_none(metadata, kind):
    handler, address = metadata
    handler.kind = kind
    assert ask_instance_type(address) is None


def test_where_nobody_answers_the_report_says_that_it_was_asked():
    assert ask_instance_type(f"http://127.0.0.1:{closed_port()}/latest") is None
    found = environment("cpu").with_instance(None)
    assert found.absent["instance"] == "no instance metadata service answered"
    assert "instance" not in found.with_instance("g4dn.xlarge").absent
