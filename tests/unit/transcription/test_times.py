"""Times of words are repaired: each takes time, they follow each other, and none is after the recording."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.transcription.times import repair_times

ENDS = st.sampled_from([2.0, 5.0, 1000.0])
"""Of recordings, in seconds."""


def segment(*spans):
    words = [{"start": start, "end": end, "word": " word", "probability": 0.5} for start, end in spans]
    return {"start": spans[0][0], "end": spans[-1][1], "text": " word" * len(spans), "words": words}


def spans_of(segments):
    return [(word["start"], word["end"]) for segment in segments for word in segment["words"]]


@pytest.mark.parametrize(
    ("spans", "repaired"),
    [
        ([(1.0, 1.5), (1.5, 2.0)], [(1.0, 1.5), (1.5, 2.0)]),
        ([(1.0, 1.0), (1.5, 2.0)], [(1.0, 1.02), (1.5, 2.0)]),
        ([(1.0, 1.0), (1.0, 2.0)], [(1.0, 1.02), (1.02, 2.0)]),
        ([(1.0, 1.0), (1.0, 1.0), (1.0, 2.0)], [(1.0, 1.02), (1.02, 1.04), (1.04, 2.0)]),
        ([(1.0, 3.0), (2.0, 4.0)], [(1.0, 2.0), (2.0, 4.0)]),
        ([(9.0, 9.5), (9.8, 10.4)], [(9.0, 9.5), (9.8, 10.0)]),
        ([(9.0, 9.5), (10.2, 10.4)], [(9.0, 9.5), (9.98, 10.0)]),
        ([(9.0, 9.99), (10.2, 10.4), (10.4, 10.4)], [(9.0, 9.96), (9.96, 9.98), (9.98, 10.0)]),
    ],
)
def test_times_are_changed_only_where_they_cannot_be(spans, repaired):
    assert spans_of(repair_times([segment(*spans)], 10.0)) == repaired


def test_words_of_two_segments_follow_each_other_and_segments_last_as_long_as_their_words():
    first, second = repair_times([segment((1.0, 2.0), (2.0, 2.0)), segment((2.0, 3.0))], 10.0)
    assert (first["start"], first["end"]) == (1.0, 2.02)
    assert (second["start"], second["end"]) == (2.02, 3.0)


def test_a_segment_without_words_ends_within_the_recording():
    assert repair_times([{"start": 8.0, "end": 11.0, "text": " Hello"}], 10.0) == [
        {"start": 8.0, "end": 10.0, "text": " Hello"}
    ]


def test_the_rest_of_a_segment_is_kept():
    (repaired,) = repair_times([segment((1.0, 1.0))], 10.0)
    assert repaired["text"] == " word"
    assert repaired["words"] == [{"start": 1.0, "end": 1.02, "word": " word", "probability": 0.5}]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=20), ENDS)
def test_whatever_the_times_every_word_takes_time_none_overlaps_and_none_is_after_the_end(steps, duration):
    spans = [(min(pair) * 0.02, max(pair) * 0.02) for pair in sorted(steps)]
    repaired = spans_of(repair_times([segment(*spans)], duration))
    assert repaired[0][0] >= 0
    assert repaired[-1][1] <= duration
    assert all(end - start > 0.019 for start, end in repaired)
    assert all(end <= start for (_, end), (start, _) in pairwise(repaired))
