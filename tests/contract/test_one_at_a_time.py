"""`support.buckets` makes moto answer one request at a time; otherwise several writers win a race."""

import time

import pytest
from moto.s3.models import S3Backend
from support.buckets import QUICK, SerialApplication, moto, sign_in
from support.processes import race_threads

from diarize_runner.store.s3.store import S3Store

pytestmark = pytest.mark.usefixtures("isolated_environment")


@pytest.fixture
def _slow_writes(monkeypatch):
    """Delay every write after its condition was checked, as a busy machine may."""
    put = S3Backend.put_object

    def late(*arguments, **options):
        time.sleep(0.1)
        return put(*arguments, **options)

    monkeypatch.setattr(S3Backend, "put_object", late)


def winners(monkeypatch):
    """Return how many of eight concurrent swaps of one object succeed."""
    with moto() as cloud:
        sign_in(monkeypatch, cloud)
        store = S3Store.at(f"s3://{cloud.new_bucket()}/models", QUICK)
        store.swap("latest/object", b"old", expected=None)
        before, new = store.read("latest/object"), [str(number).encode() for number in range(8)]
        return race_threads(
            [lambda data=data: store.swap("latest/object", data, expected=before) for data in new]
        ).count(None)


@pytest.mark.usefixtures("_slow_writes")
def test_one_of_eight_writers_wins_with_slow_writes(monkeypatch):
    assert winners(monkeypatch) == 1


@pytest.mark.usefixtures("_slow_writes")
def test_several_writers_win_when_moto_answers_in_parallel(monkeypatch):
    """Control: the race is in moto, not in the store."""
    monkeypatch.setattr(SerialApplication, "__call__", lambda self, *request: self._application(*request))

    assert winners(monkeypatch) > 1
