"""Each segment is looked for around its times, and each word gets the time of its own letters."""

import pytest
from support.alignment import segment

from diarize_runner.alignment.words import align_segment, utterances


def times(aligned):
    return [(word["word"], word["start"], word["end"]) for word in aligned["words"]]


def test_a_segment_is_looked_for_a_little_around_its_times_but_never_beyond_the_middle_of_a_gap():
    segments = [segment(0.1, 1.0, " a"), segment(1.2, 2.0, " b"), segment(1.9, 3.0, " c"), segment(5.0, 6.0, " d")]
    found = [(each.start, each.end) for each in utterances(segments, "en", 6.1)]
    expected = [(0.05, 1.1), (1.1, 2.0), (1.9, 3.2), (4.8, 6.05)]
    assert found == [pytest.approx(each) for each in expected]


def test_words_without_a_space_between_them_are_aligned_one_by_one():
    (asked,) = utterances([segment(0, 1, " well", "-known,", " 25", "%")], "en", 2)
    assert asked.text == "well -known, 25 %"


def test_a_word_without_a_time_keeps_its_own_between_its_neighbours():
    said = segment(1.0, 4.0, " in", " 2014", " we")
    aligned = [{"word": "in", "start": 1.5, "end": 2.0}, {"word": "2014"}, {"word": "we", "start": 3.0, "end": 3.5}]
    found = align_segment(said, aligned, "en")
    assert times(found) == [(" in", 1.5, 2.0), (" 2014", 2.0, 3.0), (" we", 3.0, 3.5)]
    assert (found["start"], found["end"]) == (1.5, 3.5)


def test_the_characters_of_a_japanese_word_give_its_time():
    said = segment(0.0, 2.0, "今日", "は")
    (asked,) = utterances([said], "ja", 2.0)
    assert asked.text == "今日は"
    aligned = [{"word": each, "start": index, "end": index + 0.5} for index, each in enumerate(asked.text)]
    assert times(align_segment(said, aligned, "ja")) == [("今日", 0, 1.5), ("は", 2, 2.5)]


@pytest.mark.parametrize("aligned", [[], [{"word": "b", "start": 0, "end": 1}]])
def test_other_words_are_not_taken(aligned):
    assert align_segment(segment(0, 1, " a"), aligned, "en") is None


def test_a_segment_without_words_is_left_as_it_is():
    said = {"start": 0.0, "end": 1.0, "text": "..."}
    assert [each.text for each in utterances([said], "en", 2)] == [""]
    assert align_segment(said, [], "en") is None
