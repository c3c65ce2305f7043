"""Talk time and words of each speaker."""

import pytest

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.statistics import SpeakerStatistics, compute_statistics


def make_transcript(*turns, segments=()):
    turns = tuple(sorted(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns))
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=())
    return LabelledTranscript(uri="talk", segments=segments, diarization=diarization)


def make_segment(speaker, text, words=()):
    words = tuple(LabelledWord(start=0, end=1, text=text, speaker=speaker) for text, speaker in words)
    return LabelledSegment(start=0, end=1, text=text, speaker=speaker, words=words)


def test_talk_time_excludes_silence_and_counts_overlap_for_each_speaker():
    ann, bob = compute_statistics(make_transcript((0, 4, "Ann"), (6, 8, "Ann"), (3, 7, "Bob")))
    assert ann == SpeakerStatistics(speaker="Ann", seconds=6, share=0.6, turns=2, longest=4, overlapped=2, words=0)
    assert bob == SpeakerStatistics(speaker="Bob", seconds=4, share=0.4, turns=1, longest=4, overlapped=2, words=0)


def test_turns_that_touch_do_not_overlap():
    assert [
        each.overlapped for each in compute_statistics(make_transcript((0, 4, "Ann"), (4, 8, "Bob"), (8, 9, "Ann")))
    ] == [0, 0]


def test_an_overlap_of_three_speakers_counts_once_for_each():
    parts = compute_statistics(make_transcript((0, 6, "Ann"), (1, 3, "Bob"), (2, 5, "Cem")))
    assert [each.overlapped for each in parts] == [4, 2, 3]


def test_overlapping_turns_of_one_speaker_are_merged():
    (ann,) = compute_statistics(make_transcript((0, 4, "Ann"), (2, 5, "Ann"), (5, 6, "Ann"), (9, 9, "Ann")))
    assert (ann.seconds, ann.turns, ann.longest, ann.overlapped) == (6, 1, 6, 0)


def test_words_count_for_their_speaker():
    segments = (
        make_segment("Ann", "Oh hello. Hi.", [("Oh", "Ann"), ("hello.", "Ann"), ("Hi.", "Bob")]),
        make_segment("Bob", "It is me again"),
        make_segment(None, "Who?", [("Who?", None)]),
    )
    parts = compute_statistics(make_transcript((0, 4, "Ann"), (4, 8, "Bob"), segments=segments))
    assert [(each.speaker, each.words) for each in parts] == [("Ann", 2), ("Bob", 5)]


def test_a_recording_without_speech_has_no_talk_time():
    assert compute_statistics(make_transcript()) == ()
    (ann,) = compute_statistics(make_transcript((1, 1, "Ann")))
    assert (ann.seconds, ann.share, ann.turns, ann.longest) == (0, 0, 0, 0)


def test_talk_time_of_the_sample_follows_its_turns(labelled_sample):
    first, second = compute_statistics(labelled_sample)
    assert first.share + second.share == pytest.approx(1.0)
    assert (round(first.seconds, 2), first.words + second.words) == (11.85, 81)
    assert first.overlapped == pytest.approx(second.overlapped)
