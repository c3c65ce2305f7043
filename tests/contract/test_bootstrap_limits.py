"""bootstrap.sh and stores that send endless or slow responses, redirect, or require a password."""

import base64
import json
import os
import shlex
import subprocess
import time

import pytest
from support.aws_refusals import REFUSALS
from support.bootstrap import SCRIPT, WHEEL, command, environment, sign, write_store
from support.certificates import write_certificate
from support.web import Answer, changed, dripping, dripping_head, endless, files, responds_with_status, serving

MIB = 1 << 20
READ_BY_A_BOX = [met for met in REFUSALS if met.service in ("s3", "sts") and met.operation != "PutObject"]
SHORT_TIMEOUTS = {
    b"min_rate=4000 rate_window=60": b"min_rate=4000 rate_window=1",
    b"--retry 5": b"--retry 1",
}
"""Replacements that shorten the script's timeouts to seconds."""


def with_short_timeouts():
    script = SCRIPT
    for usual, quick in SHORT_TIMEOUTS.items():
        assert script.count(usual) == 1
        script = script.replace(usual, quick)
    return script


@pytest.fixture
def folder(tmp_path):
    return write_store(tmp_path / "store")


@pytest.fixture
def served(folder):
    with serving(files(folder)) as server:
        yield server


@pytest.fixture
def certificate(tmp_path):
    return write_certificate(tmp_path / "own.pem")


@pytest.fixture
def bootstrap(tmp_path):
    """Run the script with its own temporary folder."""
    (tmp_path / "home").mkdir(exist_ok=True)

    def run(store, *arguments, script=SCRIPT, **more):
        line = command("--store", store, "--prefix", tmp_path / "box", *arguments)
        variables = environment(tmp_path / "home", **more)
        return subprocess.run(line, input=script, env=variables, capture_output=True, check=False, timeout=90)

    return run


def requests_file(name):
    return lambda request: request.path.endswith(name)


LENGTHS = {"latest/manifest.json": 64 << 10, "v1.0/manifest.json": 16 * MIB, "v1.0/manifest.json.sig": 4096, WHEEL: 5}


@pytest.mark.parametrize("name", LENGTHS)
def test_an_endless_response_is_cut_at_its_size_limit(name, bootstrap, served, folder, tmp_path):
    key = sign(folder, tmp_path)
    served.fails(endless(Answer(status=200)), when=requests_file(name), times=9)

    ran = bootstrap(served.url, "--public-key", key)

    assert ran.returncode == 3, ran.stderr
    assert f"{name} is larger than {LENGTHS[name]} bytes\nhint: " in ran.stderr.decode()
    assert 0 < served.flooded < LENGTHS[name] + 64 * MIB, "what the kernel's buffers take, and no more"
    assert list((tmp_path / "home").iterdir()) == []
    assert not list(tmp_path.rglob("*.part"))


def test_a_response_with_a_too_large_content_length_is_not_read(bootstrap, served):
    served.fails(
        changed(lambda answer: Answer(status=200, body=bytes(MIB))), when=requests_file("latest/manifest.json")
    )

    ran = bootstrap(served.url, "--plan")

    assert ran.returncode == 3
    assert "latest/manifest.json is larger than 65536 bytes" in ran.stderr.decode()


@pytest.mark.parametrize("claimed", [10**12, 10**30, -1])
def test_a_file_with_an_enormous_size_in_the_manifest_is_not_requested(claimed, bootstrap, served, folder, tmp_path):
    manifest = json.loads((folder / "v1.0/manifest.json").read_text())
    manifest["sections"]["wheels"]["files"][0]["size"] = claimed
    (folder / "v1.0/manifest.json").write_text(json.dumps(manifest))

    ran = bootstrap(served.url, "--version", "1.0")

    assert ran.returncode == 3
    assert f"{WHEEL} a size of {claimed} bytes\nhint: " in ran.stderr.decode()
    assert not any(WHEEL in request.path for request in served.requests)


DRIPS = {"a body": dripping(0.05), "a body that began well": dripping(0.05, after=100), "a head": dripping_head(0.05)}


@pytest.mark.long
@pytest.mark.parametrize("drip", DRIPS)
def test_a_slow_store_is_an_error(drip, bootstrap, served, tmp_path):
    served.fails(DRIPS[drip], times=9)

    ran = bootstrap(served.url, "--plan", script=with_short_timeouts())

    assert ran.returncode == 1
    assert "latest/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()
    assert len(served.requests) == 2, "it was tried once more"
    assert list((tmp_path / "home").iterdir()) == []


def test_retry_after_of_a_store_is_ignored(bootstrap, served):
    served.fails(responds_with_status(503, Retry_After="86400"), times=9)

    ran = bootstrap(served.url, "--plan")

    assert ran.returncode == 1
    assert "latest/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()


class TestBuckets:
    """The `aws` command is a stand-in."""

    @pytest.fixture
    def aws(self, tmp_path):
        folder = tmp_path / "bin"
        folder.mkdir()

        def write(script):
            (folder / "aws").write_text(f"#!/bin/sh\n{script}\n")
            (folder / "aws").chmod(0o755)
            return f"{folder}:{os.environ['PATH']}"

        return write

    def test_are_read_with_the_aws_command(self, aws, bootstrap, folder):
        path = aws(f'cp "{folder}/${{4#s3://models/m/}}" "$5"')

        ran = bootstrap("s3://models/m", "--plan", PATH=path)

        assert ran.returncode == 0, ran.stderr
        assert b"version 1.0 of s3://models/m" in ran.stdout

    def test_with_endless_documents_are_cut_at_the_size_limit(self, aws, bootstrap, tmp_path):
        path = aws(f'cat /dev/zero >"$5" || {{ wc -c <"$5" >{tmp_path}/written; exit 1; }}')

        ran = bootstrap("s3://models/m", "--plan", PATH=path)

        assert ran.returncode == 1
        assert b"s3://models/m/latest/manifest.json cannot be fetched\nhint: " in ran.stderr
        assert int((tmp_path / "written").read_text()) == 64 << 10
        assert list((tmp_path / "home").iterdir()) == []

    @pytest.mark.parametrize("met", READ_BY_A_BOX, ids=str)
    def test_that_refuse_are_an_error_whose_hint_is_about_what_decided(self, met, aws, bootstrap):
        says = f"fatal error: An error occurred ({met.code}) when calling the {met.operation} operation: {met.message}"

        ran = bootstrap("s3://models/m", "--plan", PATH=aws(f"echo {shlex.quote(says)} >&2; exit 1"))

        *said, error, hint = ran.stderr.decode().splitlines()
        assert (ran.returncode, ran.stdout) == (1, b"")
        assert said == [says]
        assert error == "error: s3://models/m/latest/manifest.json cannot be fetched"
        assert met.hint in hint

    def test_that_repeat_credentials_are_not_quoted(self, aws, bootstrap):
        secrets = (
            "AKIAIOSFODNN7EXAMPLE Credential=me/2026, Signature=fe5f80 https://me:hunter2@host/a?X-Amz-Signature=ab"
        )

        ran = bootstrap("s3://models/m", "--plan", PATH=aws(f"echo '{secrets}' >&2; exit 1"))

        assert ran.stderr.startswith(b"*** Credential=***, Signature=*** https://***@host/a?***\n")

    @pytest.mark.parametrize(
        ("says", "hint"),
        [
            ("Unable to locate credentials", "AWS_PROFILE"),
            ("[Errno 2] No such file or directory: '/var/run/secrets/token'", "AWS_WEB_IDENTITY_TOKEN_FILE"),
            ("An error occurred (ExpiredToken) when calling the GetObject operation", "aws sso login"),
            ("An error occurred (403) when calling the HeadObject operation: Forbidden", "s3:GetObject"),
            ("Could not connect to the endpoint URL", "AWS_ENDPOINT_URL"),
            ("Something else", "check the address, the version and the network"),
        ],
    )
    def test_that_fail_otherwise_get_a_hint(self, says, hint, aws, bootstrap):
        ran = bootstrap("s3://models/m", "--plan", PATH=aws(f"echo {shlex.quote(says)} >&2; exit 1"))

        assert hint in ran.stderr.decode().splitlines()[-1]

    def test_that_never_respond_are_an_error(self, aws, bootstrap):
        script = SCRIPT.replace(b"min_rate=4000 rate_window=60", b"min_rate=65536 rate_window=1")
        assert script != SCRIPT
        began = time.monotonic()

        ran = bootstrap("s3://models/m", "--plan", script=script, PATH=aws("exec sleep 60"))

        assert ran.returncode == 1
        assert b"s3://models/m/latest/manifest.json cannot be fetched\nhint: " in ran.stderr
        assert time.monotonic() - began < 30


class TestRedirects:
    def test_from_https_to_http_are_refused(self, bootstrap, served, certificate):
        with serving(redirect_to(served.url), certificate) as first:
            ran = bootstrap(first.url, "--plan", CURL_CA_BUNDLE=str(certificate))

        assert ran.returncode == 1
        assert "latest/manifest.json cannot be fetched" in ran.stderr.decode()
        assert len(first.requests) == 1
        assert served.requests == []

    @pytest.mark.parametrize("first_is_safe", [True, False])
    def test_are_followed_to_https(self, first_is_safe, bootstrap, folder, certificate):
        with (
            serving(files(folder), certificate) as last,
            serving(redirect_to(last.url), certificate if first_is_safe else None) as first,
        ):
            ran = bootstrap(first.url, "--plan", CURL_CA_BUNDLE=str(certificate))

        assert ran.returncode == 0, ran.stderr
        assert len(last.requests) == 2

    def test_to_a_local_file_are_refused(self, bootstrap, folder):
        with serving(redirect_to(folder.as_uri())) as first:
            assert bootstrap(first.url, "--plan").returncode == 1
            assert len(first.requests) == 1


def redirect_to(address):
    return lambda request: Answer(status=302, headers={"Location": f"{address}{request.path}"})


class TestPasswords:
    @pytest.fixture
    def netrc(self, tmp_path):
        (tmp_path / "home").mkdir(exist_ok=True)
        path = tmp_path / "home/.netrc"
        path.write_text("machine 127.0.0.1 login me password hunter2\n")
        path.chmod(0o600)

    @pytest.fixture
    def bootstrap(self, netrc, bootstrap):
        return bootstrap

    def test_come_from_netrc(self, bootstrap, served):
        known, origin = base64.b64encode(b"me:hunter2").decode(), served.origin
        served.origin = lambda request: (
            origin(request) if request.headers.get("Authorization") == f"Basic {known}" else Answer(status=401)
        )

        assert bootstrap(served.url, "--plan").returncode == 0

    def test_are_not_sent_to_another_host(self, bootstrap, served):
        with serving(redirect_to(f"http://localhost:{served.server_address[1]}")) as first:
            ran = bootstrap(first.url, "--plan")

        assert ran.returncode == 0, ran.stderr
        assert all("Authorization" in request.headers for request in first.requests)
        assert [request.headers.get("Authorization") for request in served.requests] == [None, None]


def test_curlrc_is_ignored(bootstrap, folder, certificate, tmp_path):
    (tmp_path / "home/.curlrc").write_text("insecure\n")

    with serving(files(folder), certificate) as server:
        ran = bootstrap(server.url, "--plan")

    assert ran.returncode == 1
    assert "certificate" in ran.stderr.decode()
    assert server.requests == []
