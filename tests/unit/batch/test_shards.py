"""Each recording belongs to one shard, and a task knows its own."""

import pytest

from diarize_runner.batch.shards import VARIABLES, WHOLE, Shard, requested_shard
from diarize_runner.errors import UsageError

KEYS = [f"calls/{number}.wav" for number in range(1000)]


@pytest.mark.parametrize("count", [1, 2, 7, 200])
def test_each_recording_belongs_to_exactly_one_shard(count):
    shards = [Shard(index=index, count=count) for index in range(count)]
    assert all(sum(shard.holds(key) for shard in shards) == 1 for key in KEYS)


def test_shards_have_about_the_same_size():
    sizes = [sum(Shard(index=index, count=4).holds(key) for key in KEYS) for index in range(4)]
    assert min(sizes) > 200


def test_a_recording_stays_in_its_shard_on_every_machine():
    assert [key for key in KEYS[:20] if Shard(index=0, count=4).holds(key)] == EXPECTED


EXPECTED = ["calls/1.wav", "calls/7.wav", "calls/17.wav", "calls/18.wav"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_task_of_an_array_knows_its_index(variable):
    assert requested_shard(4, None, {variable: "3"}) == Shard(index=3, count=4)


def test_an_option_wins_over_the_scheduler():
    assert requested_shard(4, 1, {VARIABLES[0]: "3"}) == Shard(index=1, count=4)


def test_without_a_number_of_shards_all_recordings_are_done():
    assert requested_shard(None, None, {VARIABLES[0]: "3"}) == WHOLE


@pytest.mark.parametrize(
    ("count", "index", "environment", "message"),
    [
        (None, 0, {}, "requires the number of shards"),
        (4, None, {}, "requires the index"),
        (4, None, {VARIABLES[0]: ""}, "requires the index"),
        (4, 4, {}, "shard 4 is not one of 4"),
        (4, None, {VARIABLES[1]: "4"}, "shard 4 is not one of 4"),
        (4, None, {VARIABLES[1]: "-1"}, "is not the index of a shard"),
        (4, None, {VARIABLES[0]: "1", VARIABLES[2]: "2"}, "which is the index"),
    ],
)
def test_an_impossible_shard_is_refused(count, index, environment, message):
    with pytest.raises(UsageError, match=message) as caught:
        requested_shard(count, index, environment)
    assert caught.value.exit_code == 2
    assert caught.value.hint
