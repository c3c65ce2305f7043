"""What becomes of a read when a connection breaks off, falls silent, or the server lies: in a bucket and on the web."""

import time

import pytest
from support.buckets import QUICK
from support.lines import DATA, KEY
from support.web import Answer, changed, cut, ended, reset, says, says_what, silent

from diarize_runner.digests import content_of, write_hashing
from diarize_runner.errors import StoreError
from diarize_runner.store.remote import CHUNK, Patience

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine")

HASTY = Patience(connect=5, silence=0.8, tries=3, pause=0.01)


def read(store, offset, length):
    return b"".join(store.read_range(KEY, offset, length))


class TestABodyThatBreaksOff:
    @pytest.mark.parametrize(
        "fault",
        [cut(2_000_000), ended(2_000_000), cut(0), reset],
        ids=["reset in the middle", "ended in the middle", "reset at once", "reset unanswered"],
    )
    def test_is_gone_on_with(self, fault, line):
        line.fails(fault)

        assert read(line.store, 1000, 3_000_000) == DATA[1000:3_001_000]

    def test_is_gone_on_with_where_it_broke(self, line):
        line.fails(ended(2_000_000))

        read(line.store, 1000, 3_000_000)

        first, second = line.ranges
        begin, end = (int(number) for number in second.removeprefix("bytes=").split("-"))
        assert first == "bytes=1000-3000999"
        assert 1_700_000 < begin <= 2_001_000
        assert end == 3_000_999

    def test_is_read_whole_again_where_the_object_is_small(self, line):
        line.fails(cut(100_000), ended(200_000))

        assert line.store.read(KEY).data == DATA

    def test_does_not_make_a_digest_wrong(self, s3_line):
        s3_line.fails(cut(100_000), cut(1_500_000))

        assert s3_line.store.digest(KEY) == content_of(DATA).digest

    def test_is_given_up_when_it_breaks_every_time(self, line):
        line.fails(cut(1000), times=99)

        with pytest.raises(StoreError, match=rf"^{line.store.url}/{KEY}: the connection broke off \(\w+\)$") as error:
            read(line.store, 0, len(DATA))

        assert error.value.hint == "check the network between here and the store, then run again"
        assert len(line.ranges) == QUICK.tries

    def test_is_gone_on_with_for_as_long_as_it_gets_on(self, line):
        line.fails(ended(1_400_000), ended(100), times=2)

        assert read(line.store, 0, len(DATA)) == DATA
        assert len(line.ranges) > QUICK.tries

    def test_is_not_waited_for_when_it_falls_silent(self, line):
        line.fails(silent(1_000_000, seconds=8))

        began = time.monotonic()
        assert read(line.open(HASTY), 0, len(DATA)) == DATA
        assert time.monotonic() - began < 6

    def test_is_an_error_when_it_is_silent_every_time(self, line):
        line.fails(silent(1000, seconds=8), times=99)

        with pytest.raises(StoreError, match=r"broke off \(ReadTimeoutError\)$"):
            read(line.open(HASTY), 0, len(DATA))

    def test_ends_where_the_object_does(self, line):
        line.fails(ended(1000))

        assert read(line.store, len(DATA) - 5000, 9000) == DATA[-5000:]


class TestAServerThatLies:
    def test_that_its_answer_is_longer_is_not_waited_for(self, line):
        line.fails(changed(lambda answer: answer.having(Content_Length=str(len(answer.body) + 5))))

        assert read(line.open(HASTY), 0, CHUNK) == DATA[:CHUNK]
        assert len(line.ranges) == 1

    def test_that_its_answer_is_shorter_is_asked_for_the_rest(self, line):
        line.fails(changed(lambda answer: answer.having(Content_Length=str(len(answer.body) - 300))))

        assert read(line.store, 0, 1000) == DATA[:1000]

    def test_by_not_saying_where_the_object_ends_is_asked(self, line):
        line.fails(changed(lambda answer: answer.having(Content_Range="bytes 3145000-3145727/*")))

        assert read(line.store, 3_145_000, 1000) == DATA[3_145_000:]
        assert len(line.ranges) == 2

    def test_and_sends_more_than_was_asked_for_is_not_listened_to(self, line):
        more = Answer(status=206, headers={"Content-Range": "bytes 0-9/9999"}, body=b"x" * 9999)
        line.fails(says_what(more))

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
            "does not say what it sends",
            "sends another range",
            "sends what cannot be",
            "says nonsense",
            "ends before it begins",
            "ends beyond the end",
        ],
    )
    def test_about_ranges_is_refused(self, answer, line):
        line.fails(says_what(answer))

        with pytest.raises(StoreError, match=f"^{line.store.url}/{KEY}: the server misreads ranges: not a range"):
            read(line.store, 5, 5)

    def test_is_not_read_into_memory_for_ever(self, line):
        with pytest.raises(StoreError, match=f"^{line.store.url}/{KEY} holds more than 1,048,576 bytes$"):
            line.store.read(KEY, 1 << 20)


class TestAServerInTrouble:
    def test_is_asked_again(self, line):
        line.fails(says(503), says(500))

        assert line.store.read(KEY).data == DATA

    def test_is_asked_again_when_it_does_not_answer(self, line):
        line.fails(silent(0, seconds=8))

        assert line.open(HASTY).read(KEY).data == DATA

    def test_is_given_up_when_it_stays_so(self, line):
        line.fails(says(503), times=99)
        line.server.requests.clear()

        with pytest.raises(StoreError, match=r": the server is overloaded or in trouble \((HTTP )?503\)$") as error:
            line.store.read(KEY)

        assert error.value.hint == "run again later"
        assert len(line.server.requests) == QUICK.tries


def test_an_object_that_was_cut_short_in_the_store_ends_early_and_is_not_asked_for_again(line):
    cut_short = write_hashing(line.store.read_range(KEY, len(DATA) - 10, 5000), None)

    assert cut_short == content_of(DATA[-10:])
    assert len(line.ranges) == 1
