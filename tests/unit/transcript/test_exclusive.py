"""One speaker at a time out of turns that overlap."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.exclusive import exclusive


def turns_of(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def test_exclusive_turns_of_the_sample_are_those_made_by_hand(sample):
    made = exclusive(read_rttm(sample / "sample.rttm")["sample"])
    by_hand = read_rttm(sample / "sample-exclusive.rttm")["sample"]
    assert [(round(t.start, 3), round(t.end, 3), t.speaker) for t in made] == [
        (round(t.start, 3), round(t.end, 3), t.speaker) for t in by_hand
    ]


def test_who_begins_takes_over_and_who_is_within_gives_way():
    turns = turns_of((0, 5, "A"), (4, 9, "B"), (6, 7, "A"), (8.5, 9, "C"), (9, 10, "A"))
    assert exclusive(turns) == turns_of((0, 4, "A"), (4, 9, "B"), (9, 10, "A"))


def test_of_two_who_speak_at_the_same_time_one_has_the_floor():
    assert exclusive(turns_of((0, 1, "B"), (0, 1, "A"))) == turns_of((0, 1, "A"))


def test_what_one_speaker_says_is_one_turn_where_it_touches():
    assert exclusive(turns_of((2, 3, "A"), (0, 2, "A"), (1, 1, "B"), (2.5, 4, "A"))) == turns_of((0, 4, "A"))


moments = st.integers(0, 50)


@given(st.lists(st.tuples(moments, moments, st.sampled_from("ABC")), max_size=12))
def test_exclusive_turns_never_overlap_and_leave_no_speech_out(triples):
    turns = turns_of(*((min(start, end), max(start, end), speaker) for start, end, speaker in triples))
    one_at_a_time = exclusive(turns)
    assert all(before.end <= after.start for before, after in pairwise(one_at_a_time))
    for second in range(50):
        heard = {turn.speaker for turn in turns if turn.start <= second < turn.end}
        floor = [turn.speaker for turn in one_at_a_time if turn.start <= second < turn.end]
        assert len(floor) == bool(heard)
        assert set(floor) <= heard
