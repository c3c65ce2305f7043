"""The HTTP store: redirects, passwords, range requests, and read-only access."""

import base64
import subprocess
import sys
import time

import pytest
from support.buckets import QUICK
from support.caches import noise
from support.certificates import write_certificate
from support.web import Answer, changed, files, files_whole, responds_with_status, serving

from diarize_runner.cache.published.keys import published_versions
from diarize_runner.errors import ObjectNotFound, StoreError, UsageError
from diarize_runner.store.address import open_store, open_store_without_conditional_writes, open_writable_store
from diarize_runner.store.http import HttpStore

pytestmark = pytest.mark.usefixtures("isolated_environment")

DATA = noise(10_000)
KEY = "v1.0/object"


@pytest.fixture
def folder(tmp_path):
    """A folder with one object, under models/."""
    path = tmp_path / "served" / "models" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    return tmp_path / "served"


@pytest.fixture
def server(folder):
    with serving(files(folder)) as server:
        yield server


@pytest.fixture
def certificate(tmp_path):
    return write_certificate(tmp_path / "own.pem")


@pytest.fixture
def tls(folder, certificate):
    with serving(files(folder), certificate) as server:
        yield server


def opened(server):
    return HttpStore(f"{server.url}/models", QUICK)


def redirect(to):
    """Redirect every request to the same path on another server."""
    return lambda request: Answer(status=302, headers={"Location": f"{to}{request.path}"})


class TestRanges:
    def test_ignored_by_the_server_are_an_error_and_not_a_download(self, folder):
        (folder / "models" / KEY).write_bytes(noise(64 << 20))
        with serving(files_whole(folder)) as server:
            store = opened(server)
            began = time.monotonic()

            with pytest.raises(StoreError) as error:
                list(store.read_range(KEY, 0, 64 << 20))

        assert error.value.message == f"{store.url}/{KEY}: the server ignores range requests (HTTP 200)"
        assert error.value.hint == "use a server that supports range requests, such as nginx, Apache or Caddy"
        assert time.monotonic() - began < 5

    def test_ignored_by_the_standard_library_server_are_an_error(self, folder):
        command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            port = process.stdout.readline().split()[5]
            store = HttpStore(f"http://127.0.0.1:{port}/models", QUICK)
            try:
                assert store.read(KEY).data == DATA
                with pytest.raises(StoreError, match="the server ignores range requests"):
                    list(store.read_range(KEY, 0, 1))
            finally:
                process.terminate()

    def test_are_read_undecoded_despite_a_content_encoding(self, server):
        server.fails(changed(lambda answer: answer.with_headers(Content_Encoding="gzip")), times=2)

        assert b"".join(opened(server).read_range(KEY, 10, 500)) == DATA[10:510]
        assert opened(server).read(KEY).data == DATA


class TestRedirects:
    def test_are_followed_with_the_range(self, server):
        with serving(redirect(server.url)) as first:
            assert b"".join(opened(first).read_range(KEY, 10, 500)) == DATA[10:510]

    def test_are_followed_from_http_to_https(self, tls, certificate, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with serving(redirect(tls.url)) as first:
            assert opened(first).read(KEY).data == DATA

    def test_are_followed_from_https_to_https(self, tls, certificate, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with serving(redirect(tls.url), certificate) as first:
            assert opened(first).read(KEY).data == DATA

    def test_are_refused_from_https_to_http(self, server, certificate, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with serving(redirect(server.url), certificate) as first:
            store = opened(first)

            with pytest.raises(StoreError) as error:
                store.read(KEY)

        assert error.value.message == f"{store.url}/{KEY}: the server redirects from https to http"
        assert server.requests == []

    def test_in_a_loop_are_an_error(self, server):
        server.origin = redirect(server.url)

        with pytest.raises(StoreError, match=r"the server redirects too often$"):
            opened(server).read(KEY)

    def test_do_not_carry_a_password_to_another_host(self, server, tmp_path, monkeypatch):
        write_netrc(tmp_path, monkeypatch)
        port = server.server_address[1]
        with serving(redirect(f"http://localhost:{port}")) as first:
            assert opened(first).read(KEY).data == DATA

        assert "Authorization" in first.requests[0].headers
        assert "Authorization" not in server.requests[0].headers


def write_netrc(folder, monkeypatch):
    path = folder / "netrc"
    path.write_text("machine 127.0.0.1 login me password hunter2\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


class TestPasswords:
    @pytest.fixture
    def guarded(self, server):
        """A server that requires a password."""
        known, origin = base64.b64encode(b"me:hunter2").decode(), server.origin

        def guard(request):
            allowed = request.headers.get("Authorization") == f"Basic {known}"
            return origin(request) if allowed else Answer(status=401, headers={"WWW-Authenticate": "Basic"})

        server.origin = guard
        return server

    def test_come_from_netrc(self, guarded, tmp_path, monkeypatch):
        write_netrc(tmp_path, monkeypatch)

        assert opened(guarded).read(KEY).data == DATA

    def test_if_missing_are_named_in_the_hint(self, guarded):
        with pytest.raises(StoreError, match=r"access was denied \(HTTP 401\)$") as error:
            opened(guarded).read(KEY)

        assert error.value.hint == "put the user and the password into ~/.netrc"

    def test_in_an_address_are_refused(self):
        for url in ("https://me:hunter2@example.org/models", "s3://me:hunter2@models/1", "ftp://me:hunter2@host/"):
            for opens in (open_store, open_writable_store):
                with pytest.raises(UsageError) as error:
                    opens(url)
                assert error.value.message == "the store address contains a user or a password"
                assert "hunter2" not in error.value.hint

    def test_in_the_query_of_an_address_are_not_repeated(self):
        with pytest.raises(UsageError) as error:
            open_store("https://example.org/models?signature=hunter2")

        assert error.value.message == "'https://example.org/models' is not a store address"


@pytest.mark.parametrize(
    ("status", "sentence", "hint"),
    [
        (
            403,
            "access was denied, or the object does not exist (HTTP 403)",
            "check the address, and the user and password in ~/.netrc",
        ),
        (520, "the server refused (HTTP 520)", "check the address"),
        (418, "the server refused (HTTP 418)", "check the address"),
        (204, "the server refused (HTTP 204)", "check the address"),
    ],
)
@pytest.mark.parametrize("read", [lambda store: store.read(KEY), lambda store: list(store.read_range(KEY, 0, 1))])
def test_a_refused_request_is_a_store_error(read, status, sentence, hint, server):
    server.fails(responds_with_status(status))
    store = opened(server)

    with pytest.raises(StoreError) as error:
        read(store)

    assert (error.value.message, error.value.hint) == (f"{store.url}/{KEY}: {sentence}", hint)


@pytest.mark.parametrize("status", [404, 410])
def test_missing_and_gone_objects_are_not_found(status, server):
    server.fails(responds_with_status(status))

    with pytest.raises(ObjectNotFound, match=f"^{opened(server).url} has no {KEY}$"):
        opened(server).read(KEY)


def test_retry_after_is_capped(server, monkeypatch):
    monkeypatch.setattr("diarize_runner.store.http._MAX_RETRY_AFTER", 0.1)
    server.fails(responds_with_status(429, Retry_After="3600"))

    assert opened(server).read(KEY).data == DATA


def test_an_unreachable_server_is_a_store_error():
    with pytest.raises(StoreError) as error:
        HttpStore("http://127.0.0.1:1/models", QUICK).read(KEY)

    assert error.value.message == f"http://127.0.0.1:1/models/{KEY}: the server cannot be reached"
    assert error.value.hint == "check the address and the network"


def test_an_invalid_host_name_is_a_store_error():
    with pytest.raises(StoreError, match=r"the address is invalid$"):
        HttpStore("http://*bad*./models", QUICK).read(KEY)


def test_an_untrusted_certificate_is_a_store_error(tls):
    with pytest.raises(StoreError, match=r"the certificate is not trusted$") as error:
        opened(tls).read(KEY)

    assert error.value.hint == "for a private certificate authority, set REQUESTS_CA_BUNDLE to its certificates"


def test_requests_ca_bundle_is_trusted(tls, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    assert opened(tls).read(KEY).data == DATA


def test_the_environment_s_proxy_is_used(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)

    assert HttpStore("http://models.invalid/models", QUICK).read(KEY).data == DATA
    assert server.requests[0].path == f"http://models.invalid/models/{KEY}"


def test_an_unreachable_proxy_is_a_store_error(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@127.0.0.1:1")

    with pytest.raises(StoreError, match=r": the proxy cannot be reached$") as error:
        HttpStore("http://models.invalid/models", QUICK).read(KEY)

    assert error.value.hint == "check HTTPS_PROXY and NO_PROXY"


def test_listing_versions_is_a_store_error(server):
    store = opened(server)

    with pytest.raises(StoreError, match=f"^{store.url} cannot be listed over http$"):
        published_versions(store)


def test_a_web_store_is_read_only():
    with pytest.raises(UsageError) as error:
        open_writable_store("https://example.org/models")

    assert error.value.message == "https://example.org/models is read-only: a web server takes no uploads"
    assert error.value.hint == "publish to file:///folder or s3://bucket/prefix, which a web server may serve"


@pytest.mark.parametrize("url", ["https://example.org/models", "file:///srv/models"])
def test_without_conditional_writes_requires_a_bucket(url):
    with pytest.raises(UsageError) as error:
        open_store_without_conditional_writes(url)

    assert error.value.message == f"--without-conditional-writes requires a bucket, not {url}"
    assert error.value.hint == "omit the option, or pass --store s3://bucket/prefix"
