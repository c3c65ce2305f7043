"""moto answers one request at a time, as `support.buckets` has it: without that, several writers win a race."""

import time

import pytest
from moto.s3.models import S3Backend
from support.buckets import QUICK, OneAtATime, moto, sign_in
from support.processes import race_threads

from diarize_runner.store.s3.store import S3Store

pytestmark = pytest.mark.usefixtures("nothing_of_this_machine")


@pytest.fixture
def _slow_writes(monkeypatch):
    """Hold every write up between its condition and itself, as a busy machine does now and then."""
    put = S3Backend.put_object

    def late(*arguments, **options):
        time.sleep(0.1)
        return put(*arguments, **options)

    monkeypatch.setattr(S3Backend, "put_object", late)


def winners(monkeypatch):
    """Return how many of eight writers were told that they swapped the object they had all seen."""
    with moto() as cloud:
        sign_in(monkeypatch, cloud)
        store = S3Store.at(f"s3://{cloud.new_bucket()}/models", QUICK)
        store.swap("latest/object", b"old", expected=None)
        before, new = store.read("latest/object"), [str(number).encode() for number in range(8)]
        return race_threads(
            [lambda data=data: store.swap("latest/object", data, expected=before) for data in new]
        ).count(None)


@pytest.mark.usefixtures("_slow_writes")
def test_one_of_eight_writers_wins_however_long_moto_takes_to_write(monkeypatch):
    assert winners(monkeypatch) == 1


@pytest.mark.usefixtures("_slow_writes")
def test_several_win_where_moto_is_asked_by_many_at_once(monkeypatch):
    """The control: it is moto's fault, and not the store's."""
    monkeypatch.setattr(OneAtATime, "__call__", lambda self, *request: self._application(*request))

    assert winners(monkeypatch) > 1
