"""Exclusive turns computed from overlapping turns."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.exclusive import make_exclusive


def make_turns(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def test_exclusive_turns_of_the_sample_match_the_reference(sample):
    computed = make_exclusive(read_rttm(sample / "sample.rttm")["sample"])
    reference = read_rttm(sample / "sample-exclusive.rttm")["sample"]
    assert [(round(t.start, 3), round(t.end, 3), t.speaker) for t in computed] == [
        (round(t.start, 3), round(t.end, 3), t.speaker) for t in reference
    ]


def test_a_new_speaker_takes_over_and_a_turn_within_another_is_dropped():
    turns = make_turns((0, 5, "A"), (4, 9, "B"), (6, 7, "A"), (8.5, 9, "C"), (9, 10, "A"))
    assert make_exclusive(turns) == make_turns((0, 4, "A"), (4, 9, "B"), (9, 10, "A"))


def test_of_two_simultaneous_turns_one_is_kept():
    assert make_exclusive(make_turns((0, 1, "B"), (0, 1, "A"))) == make_turns((0, 1, "A"))


def test_touching_turns_of_one_speaker_are_merged():
    assert make_exclusive(make_turns((2, 3, "A"), (0, 2, "A"), (1, 1, "B"), (2.5, 4, "A"))) == make_turns((0, 4, "A"))


times = st.integers(0, 50)


@given(st.lists(st.tuples(times, times, st.sampled_from("ABC")), max_size=12))
def test_exclusive_turns_never_overlap_and_cover_all_speech(triples):
    turns = make_turns(*((min(start, end), max(start, end), speaker) for start, end, speaker in triples))
    one_at_a_time = make_exclusive(turns)
    assert all(before.end <= after.start for before, after in pairwise(one_at_a_time))
    for second in range(50):
        speaking = {turn.speaker for turn in turns if turn.start <= second < turn.end}
        exclusive_speakers = [turn.speaker for turn in one_at_a_time if turn.start <= second < turn.end]
        assert len(exclusive_speakers) == bool(speaking)
        assert set(exclusive_speakers) <= speaking
