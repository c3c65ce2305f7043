"""Describing a machine: each unknown property has a reason, and only requested services are contacted."""

import http.server
import socket
import threading

import pytest
from support.command import closed_port

from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.benchmark.gpu import Gpu, query_gpu
from diarize_runner.benchmark.instance import fetch_instance_type

NVIDIA_SMI_OUTPUT = "Tesla T4, 580.95.05, 15360, 1590, 1590, 70.00, 61, 0x0000000000000004"


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Install a shell script as nvidia-smi on PATH."""

    def install(script):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


@pytest.fixture
def metadata():
    """An instance metadata service that requires a token, like IMDSv2."""

    class Handler(http.server.BaseHTTPRequestHandler):
        instance_type = "g4dn.xlarge"

        def do_PUT(self):
            self.reply("secret" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else "")

        def do_GET(self):
            has_token = self.headers["X-aws-ec2-metadata-token"] == "secret"
            if has_token and self.path == "/latest/meta-data/instance-type":
                self.reply(self.instance_type)
            else:
                self.send_error(401)

        def reply(self, text):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            """Log nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler, f"http://127.0.0.1:{server.server_port}/latest"
    server.shutdown()
    server.server_close()


def test_every_unknown_property_of_a_machine_has_a_reason():
    environment = describe_environment("cpu")
    assert environment.gpu is environment.instance is None
    assert environment.absent["gpu"] == "not used"
    assert environment.absent["instance"] == "not requested"
    assert environment.cpu
    assert environment.memory > 1 << 28
    unknown = {name for name in ("memory", "gpu", "instance", "lock") if getattr(environment, name) is None}
    assert set(environment.absent) == unknown


def test_describing_a_machine_opens_no_connection(monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    describe_environment("cpu")


def test_the_gpu_is_described_as_nvidia_smi_prints_it(nvidia_smi):
    nvidia_smi(f'[ "$1" = --id=GPU-1 ] && echo "{NVIDIA_SMI_OUTPUT}"')
    gpu = query_gpu("GPU-1")
    assert isinstance(gpu, Gpu)
    assert (gpu.name, gpu.driver, gpu.throttled) == ("Tesla T4", "580.95.05", "0x0000000000000004")


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 9", "returned non-zero exit status 9"), ("echo no such thing", "nvidia-smi printed 'no such thing'")],
)
def test_the_reason_names_the_failure_of_nvidia_smi(nvidia_smi, script, reason):
    nvidia_smi(script)
    assert reason in query_gpu("0")


def test_the_reason_names_a_missing_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nvidia-smi" in query_gpu("0")


def test_the_instance_type_is_fetched_with_a_token(metadata):
    _, address = metadata
    assert fetch_instance_type(address) == "g4dn.xlarge"


@pytest.mark.parametrize("instance_type", ["<html>", "", "g4dn"])
def test_an_invalid_instance_type_is_none(metadata, instance_type):
    handler, address = metadata
    handler.instance_type = instance_type
    assert fetch_instance_type(address) is None


def test_without_an_answer_the_reason_is_that_no_service_answered():
    assert fetch_instance_type(f"http://127.0.0.1:{closed_port()}/latest") is None
    environment = describe_environment("cpu").with_instance(None)
    assert environment.absent["instance"] == "no instance metadata service answered"
    assert "instance" not in environment.with_instance("g4dn.xlarge").absent
