"""A result that does not fit its recording has a warning; one that fits has none."""

import pytest

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.model import Segment, Transcript
from diarize_runner.transcript.review import review


def label(segments, turns=((0, 30, "A"),), **rest):
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    transcript = Transcript(segments=tuple(Segment(start=start, end=end, text="a") for start, end in segments))
    return review(
        assign_speakers(transcript, Diarization(uri="call", turns=turns, exclusive_turns=turns)), **rest
    ).warnings


def test_a_result_that_fits_has_no_warning():
    assert label([(0, 9), (9, 30.9)], audio_seconds=30, names=["call"]) == ()
    assert label([], turns=[], audio_seconds=30) == ()
    assert label([(0, 20)], turns=[(0, 49, "A")], audio_seconds=60) == ()


def test_a_transcript_beyond_the_recording_is_named_with_both_times():
    beyond, unassigned = label([(1, 2), (6700, 7100)], audio_seconds=30.0)
    assert beyond == ("the transcript ends at 1:58:20, the recording at 0:30: 1 of 2 segments end after the recording")
    assert unassigned.startswith("1 of 2 segments have no speaker")


@pytest.mark.parametrize(
    ("segments", "warned"), [([(0, 9), (60, 61)], True), ([(0, 9), (9, 12), (60, 61)], False)], ids=["half", "a third"]
)
def test_half_of_the_segments_without_speaker_are_a_warning(segments, warned):
    assert any("have no speaker" in warning for warning in label(segments)) is warned


def test_speech_long_after_the_transcript_is_a_warning():
    short = "the transcript ends at {}, but the last speaker turn at 5:00"
    assert label([(0, 100)], turns=[(0, 300, "A")], audio_seconds=300) == (short.format("1:40"),)
    assert label([], turns=[(0, 300, "A")]) == (short.format("0:00"),)


def test_a_transcript_long_after_the_speech_is_a_warning_where_the_length_of_the_audio_is_unknown():
    spoken = [(start, start + 10) for start in range(0, 400, 10)]
    turns = [(0, 250, "A")]
    assert label(spoken, turns=turns) == ("the transcript ends at 6:40, but the last speaker turn at 4:10",)
    assert label(spoken, turns=turns, audio_seconds=400) == ()


@pytest.mark.parametrize(
    ("names", "warned"), [((), False), (["call"], False), (["call.wav", "call"], False), (["other"], True)]
)
def test_a_transcript_of_another_name_is_a_warning(names, warned):
    warnings = label([(0, 30)], names=names)
    assert warnings == (("the transcript is of 'other', but the speaker turns are of 'call'",) if warned else ())
