"""How much each speaker speaks and says."""

import pytest

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.statistics import SpeakerStatistics, statistics_of


def talk(*turns, segments=()):
    turns = tuple(sorted(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns))
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=())
    return LabelledTranscript(uri="talk", segments=segments, diarization=diarization)


def said(speaker, text, words=()):
    words = tuple(LabelledWord(start=0, end=1, text=text, speaker=speaker) for text, speaker in words)
    return LabelledSegment(start=0, end=1, text=text, speaker=speaker, words=words)


def test_silence_counts_for_nobody_and_overlap_for_each():
    ann, bob = statistics_of(talk((0, 4, "Ann"), (6, 8, "Ann"), (3, 7, "Bob")))
    assert ann == SpeakerStatistics(speaker="Ann", seconds=6, share=0.6, turns=2, longest=4, overlapped=2, words=0)
    assert bob == SpeakerStatistics(speaker="Bob", seconds=4, share=0.4, turns=1, longest=4, overlapped=2, words=0)


def test_a_moment_in_which_one_ends_and_another_begins_is_no_overlap():
    assert [each.overlapped for each in statistics_of(talk((0, 4, "Ann"), (4, 8, "Bob"), (8, 9, "Ann")))] == [0, 0]


def test_of_three_at_once_each_has_the_overlap_once():
    parts = statistics_of(talk((0, 6, "Ann"), (1, 3, "Bob"), (2, 5, "Cem")))
    assert [each.overlapped for each in parts] == [4, 2, 3]


def test_nobody_overlaps_with_oneself():
    (ann,) = statistics_of(talk((0, 4, "Ann"), (2, 5, "Ann"), (5, 6, "Ann"), (9, 9, "Ann")))
    assert (ann.seconds, ann.turns, ann.longest, ann.overlapped) == (6, 1, 6, 0)


def test_words_count_for_the_one_who_said_them():
    segments = (
        said("Ann", "Oh hello. Hi.", [("Oh", "Ann"), ("hello.", "Ann"), ("Hi.", "Bob")]),
        said("Bob", "It is me again"),
        said(None, "Who?", [("Who?", None)]),
    )
    parts = statistics_of(talk((0, 4, "Ann"), (4, 8, "Bob"), segments=segments))
    assert [(each.speaker, each.words) for each in parts] == [("Ann", 2), ("Bob", 5)]


def test_a_recording_without_speech_has_no_parts():
    assert statistics_of(talk()) == ()
    (ann,) = statistics_of(talk((1, 1, "Ann")))
    assert (ann.seconds, ann.share, ann.turns, ann.longest) == (0, 0, 0, 0)


def test_the_sample_is_shared_as_its_turns_say(labelled_sample):
    first, second = statistics_of(labelled_sample)
    assert first.share + second.share == pytest.approx(1.0)
    assert (round(first.seconds, 2), first.words + second.words) == (11.85, 81)
    assert first.overlapped == pytest.approx(second.overlapped)
