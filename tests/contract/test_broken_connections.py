"""Reads from S3 and HTTP stores when the connection breaks or stalls, or the server's response is wrong."""

import time

import pytest
from support.buckets import QUICK
from support.one_object import DATA, KEY
from support.web import Answer, changed, cut, ended, reset, responds_with, responds_with_status, silent

from diarize_runner.digests import hash_bytes, write_and_hash
from diarize_runner.errors import StoreError
from diarize_runner.store.remote import CHUNK, RetryPolicy

pytestmark = pytest.mark.usefixtures("isolated_environment")

SHORT_TIMEOUTS = RetryPolicy(connect_timeout=5, read_timeout=0.8, max_attempts=3, first_delay=0.01)


def read(store, offset, length):
    return b"".join(store.read_range(KEY, offset, length))


class TestBrokenBodies:
    @pytest.mark.parametrize(
        "fault",
        [cut(2_000_000), ended(2_000_000), cut(0), reset],
        ids=["reset in the middle", "ended in the middle", "reset at once", "reset before the response"],
    )
    def test_are_resumed(self, fault, line):
        line.fails(fault)

        assert read(line.store, 1000, 3_000_000) == DATA[1000:3_001_000]

    def test_are_resumed_where_they_broke(self, line):
        line.fails(ended(2_000_000))

        read(line.store, 1000, 3_000_000)

        first, second = line.ranges
        start, end = (int(number) for number in second.removeprefix("bytes=").split("-"))
        assert first == "bytes=1000-3000999"
        assert 1_700_000 < start <= 2_001_000
        assert end == 3_000_999

    def test_of_small_objects_are_read_again_from_the_start(self, line):
        line.fails(cut(100_000), ended(200_000))

        assert line.store.read(KEY).data == DATA

    def test_do_not_change_the_digest(self, s3_line):
        s3_line.fails(cut(100_000), cut(1_500_000))

        assert s3_line.store.digest(KEY) == hash_bytes(DATA).digest

    def test_are_an_error_after_the_last_attempt(self, line):
        line.fails(cut(1000), times=99)

        with pytest.raises(StoreError, match=rf"^{line.store.url}/{KEY}: the connection broke off \(\w+\)$") as error:
            read(line.store, 0, len(DATA))

        assert error.value.hint == "check the network between here and the store, then run again"
        assert len(line.ranges) == QUICK.max_attempts

    def test_are_resumed_as_long_as_each_attempt_makes_progress(self, line):
        line.fails(ended(1_400_000), ended(100), times=2)

        assert read(line.store, 0, len(DATA)) == DATA
        assert len(line.ranges) > QUICK.max_attempts

    def test_that_stall_are_resumed(self, line):
        line.fails(silent(1_000_000, seconds=8))

        began = time.monotonic()
        assert read(line.open(SHORT_TIMEOUTS), 0, len(DATA)) == DATA
        assert time.monotonic() - began < 6

    def test_that_stall_every_time_are_an_error(self, line):
        line.fails(silent(1000, seconds=8), times=99)

        with pytest.raises(StoreError, match=r"broke off \(ReadTimeoutError\)$"):
            read(line.open(SHORT_TIMEOUTS), 0, len(DATA))

    def test_end_at_the_end_of_the_object(self, line):
        line.fails(ended(1000))

        assert read(line.store, len(DATA) - 5000, 9000) == DATA[-5000:]


class TestWrongResponses:
    def test_with_a_too_large_content_length_do_not_block(self, line):
        line.fails(changed(lambda answer: answer.with_headers(Content_Length=str(len(answer.body) + 5))))

        assert read(line.open(SHORT_TIMEOUTS), 0, CHUNK) == DATA[:CHUNK]
        assert len(line.ranges) == 1

    def test_that_are_too_short_are_completed(self, line):
        line.fails(changed(lambda answer: answer.with_headers(Content_Length=str(len(answer.body) - 300))))

        assert read(line.store, 0, 1000) == DATA[:1000]

    def test_without_the_object_size_are_completed(self, line):
        line.fails(changed(lambda answer: answer.with_headers(Content_Range="bytes 3145000-3145727/*")))

        assert read(line.store, 3_145_000, 1000) == DATA[3_145_000:]
        assert len(line.ranges) == 2

    def test_that_are_too_long_are_cut(self, line):
        more = Answer(status=206, headers={"Content-Range": "bytes 0-9/9999"}, body=b"x" * 9999)
        line.fails(responds_with(more))

        assert read(line.store, 0, 10) == b"x" * 10

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(status=206, body=DATA),
            Answer(status=206, headers={"Content-Range": "bytes 0-9/99"}, body=b"x" * 10),
            Answer(status=206, headers={"Content-Range": "bytes 5-9/3"}, body=b"x" * 5),
            Answer(status=206, headers={"Content-Range": "some"}, body=b"x" * 5),
            Answer(status=206, headers={"Content-Range": "bytes 5-4/99"}, body=b"x" * 5),
            Answer(status=206, headers={"Content-Range": "bytes 5-9/7"}, body=b"x" * 5),
        ],
        ids=[
            "without a Content-Range",
            "another range",
            "impossible Content-Range",
            "malformed Content-Range",
            "end before start",
            "end beyond the object",
        ],
    )
    def test_with_a_wrong_content_range_are_an_error(self, answer, line):
        line.fails(responds_with(answer))

        fault = "(Content-Range does not begin at|invalid Content-Range)"
        wrong = f"^{line.store.url}/{KEY}: the server handles range requests wrongly: {fault}"
        with pytest.raises(StoreError, match=wrong):
            read(line.store, 5, 5)

    def test_without_an_end_stop_at_the_size_limit(self, line):
        with pytest.raises(StoreError, match=f"^{line.store.url}/{KEY} holds more than 1,048,576 bytes$"):
            line.store.read(KEY, 1 << 20)


class TestFailingServers:
    def test_are_asked_again(self, line):
        line.fails(responds_with_status(503), responds_with_status(500))

        assert line.store.read(KEY).data == DATA

    def test_that_do_not_respond_are_asked_again(self, line):
        line.fails(silent(0, seconds=8))

        assert line.open(SHORT_TIMEOUTS).read(KEY).data == DATA

    def test_are_an_error_after_the_last_attempt(self, line):
        line.fails(responds_with_status(503), times=99)
        line.server.requests.clear()

        with pytest.raises(StoreError, match=r": the server is overloaded or failing \((HTTP )?503\)$") as error:
            line.store.read(KEY)

        assert error.value.hint == "run again later"
        assert len(line.server.requests) == QUICK.max_attempts


def test_an_object_truncated_in_the_store_ends_early_without_a_retry(line):
    cut_short = write_and_hash(line.store.read_range(KEY, len(DATA) - 10, 5000), None)

    assert cut_short == hash_bytes(DATA[-10:])
    assert len(line.ranges) == 1
