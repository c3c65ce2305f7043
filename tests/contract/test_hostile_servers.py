"""A hostile server: endless responses, or a byte now and then."""

import gzip
import time
from dataclasses import replace

import pytest
from support.buckets import QUICK
from support.certificates import write_certificate
from support.one_object import DATA, KEY
from support.web import Answer, changed, dripping, dripping_head, endless, files, paced, serving

from diarize_runner.errors import ObjectNotFound, StoreError
from diarize_runner.store.http import HttpStore
from diarize_runner.store.local import LocalStore

pytestmark = pytest.mark.usefixtures("isolated_environment")

SHORT_TIMEOUTS = replace(QUICK, chunk_timeout=0.4, response_timeout=1.0, max_attempts=2)
"""Times out within two seconds."""
BUFFERS = 64 << 20
"""Upper bound on bytes buffered between server and client."""

read_whole = pytest.mark.parametrize(
    "read",
    [lambda store: store.read(KEY).data, lambda store: b"".join(store.read_range(KEY, 0, len(DATA)))],
    ids=["whole", "by range"],
)


class TestSlowResponses:
    @read_whole
    @pytest.mark.parametrize("after", [0, 300_000], ids=["at once", "later"])
    def test_a_slow_body_is_an_error(self, after, read, line):
        line.fails(dripping(0.05, after=after), times=9)
        store, began = line.open(SHORT_TIMEOUTS), time.monotonic()

        with pytest.raises(StoreError) as error:
            read(store)

        assert error.value.message == f"{store.url}/{KEY}: received fewer than 262,144 bytes in 0.4 s"
        assert error.value.hint.endswith(
            "run again; if the network is that slow, run cache restore or cache wheels with a lower --min-rate"
        )
        assert time.monotonic() - began < 5

    @read_whole
    def test_a_slow_body_is_requested_again(self, read, line):
        line.fails(dripping(0.05, after=300_000))

        assert read(line.open(SHORT_TIMEOUTS)) == DATA

    @read_whole
    def test_slow_headers_are_an_error(self, read, line):
        line.fails(dripping_head(0.05), times=9)
        store, began = line.open(SHORT_TIMEOUTS), time.monotonic()

        with pytest.raises(StoreError, match=rf"^{store.url}/{KEY}: no complete response within 1 s$"):
            read(store)

        assert time.monotonic() - began < 5

    def test_a_slow_body_over_tls_is_an_error(self, tmp_path, monkeypatch):
        certificate = write_certificate(tmp_path / "own.pem")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        (tmp_path / "folder" / KEY).parent.mkdir(parents=True)
        (tmp_path / "folder" / KEY).write_bytes(DATA)
        with serving(files(tmp_path / "folder"), certificate) as server:
            server.fails(dripping(0.05, after=300_000), times=9)
            began = time.monotonic()

            with pytest.raises(StoreError, match=r"received fewer than 262,144 bytes in 0.4 s$"):
                HttpStore(server.url, SHORT_TIMEOUTS).read(KEY)

        assert time.monotonic() - began < 5

    def test_a_slow_but_steady_connection_is_accepted(self, line):
        line.fails(paced(0.1, piece=128 << 10))
        began = time.monotonic()

        assert b"".join(line.open(SHORT_TIMEOUTS).read_range(KEY, 0, len(DATA))) == DATA
        assert time.monotonic() - began > 2, "longer than any one wait may last"
        assert len(line.ranges) == 1


MOST = {"latest/manifest.json": 64 << 10, "v1.0/manifest.json.sig": 4 << 10, "v1.0/manifest.json": 16 << 20}


class TestEndlessResponses:
    @pytest.mark.parametrize("key", MOST)
    def test_a_document_is_read_up_to_its_size_limit(self, key, line):
        line.fails(endless(Answer(status=200, headers={"ETag": '"1"'})), times=9)

        with pytest.raises(StoreError, match=rf"/{key} holds more than {MOST[key]:,} bytes$"):
            line.store.read(key, MOST[key])

        assert 0 < line.server.flooded < MOST[key] + BUFFERS

    def test_a_range_is_read_up_to_the_requested_length(self, line):
        line.fails(endless(Answer(status=206, headers={"Content-Range": "bytes 0-9/9999", "ETag": '"1"'})))

        assert b"".join(line.store.read_range(KEY, 0, 10)) == b"x" * 10
        assert 0 < line.server.flooded < BUFFERS

    @read_whole
    @pytest.mark.parametrize("status", [503, 302])
    def test_the_body_of_a_skipped_response_is_not_read(self, status, read, http_line):
        elsewhere = {"Location": f"{http_line.server.url}/models/{KEY}"} if status == 302 else {}
        http_line.fails(endless(Answer(status=status, headers=elsewhere)))

        assert read(http_line.store) == DATA
        assert 0 < http_line.server.flooded < BUFFERS

    @read_whole
    @pytest.mark.parametrize(("status", "error"), [(404, ObjectNotFound), (403, StoreError), (500, StoreError)])
    def test_the_body_of_a_failed_response_is_not_read(self, status, error, read, http_line):
        http_line.fails(endless(Answer(status=status)), times=QUICK.max_attempts)

        with pytest.raises(error):
            read(http_line.store)

        assert 0 < http_line.server.flooded < QUICK.max_attempts * BUFFERS


def test_a_compressed_document_is_an_error(http_line):
    http_line.fails(
        changed(lambda answer: replace(answer, body=gzip.compress(answer.body)).with_headers(Content_Encoding="gzip"))
    )

    with pytest.raises(StoreError) as error:
        http_line.store.read(KEY)

    assert error.value.message == f"{http_line.store.url}/{KEY}: the server compresses its responses"
    assert error.value.hint.startswith("turn compression off for the store's files")


@pytest.mark.parametrize("key", MOST)
def test_a_document_in_a_folder_is_read_up_to_its_size_limit(key, tmp_path):
    store = LocalStore(tmp_path)
    (tmp_path / key).parent.mkdir()
    with (tmp_path / key).open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(StoreError, match=rf"/{key} holds more than {MOST[key]:,} bytes$"):
        store.read(key, MOST[key])
