"""JSON in the shapes of whisperX and of Amanu's provider, with a score for each word."""

import json

from diarize_runner.diarization.turns import Diarization
from diarize_runner.transcript.formats import whisperx
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.read import parse

WORDS = (
    LabelledWord(start=0.1, end=0.4, text=" Oh,", speaker="SPEAKER_00", score=0.5),
    LabelledWord(start=0.5, end=0.9, text=" hello.", speaker=None, score=0.9),
)
TALK = LabelledTranscript(
    uri="talk",
    segments=(
        LabelledSegment(start=0.1, end=0.9, text=" Oh, hello.", speaker="SPEAKER_00", words=WORDS),
        LabelledSegment(start=1.0, end=2.0, text=" Yes.", speaker=None),
    ),
    diarization=Diarization(uri="talk", turns=(), exclusive_turns=()),
    language="en",
)


def test_whisperx_has_segments_words_with_scores_and_speakers_and_the_language():
    document = json.loads(whisperx.render(TALK))
    words = [
        {"word": "Oh,", "start": 0.1, "end": 0.4, "score": 0.5, "speaker": "SPEAKER_00"},
        {"word": "hello.", "start": 0.5, "end": 0.9, "score": 0.9},
    ]
    assert document == {
        "segments": [
            {"start": 0.1, "end": 0.9, "text": " Oh, hello.", "words": words, "speaker": "SPEAKER_00"},
            {"start": 1.0, "end": 2.0, "text": " Yes.", "words": []},
        ],
        "word_segments": words,
        "language": "en",
    }


def test_it_is_read_as_a_transcript_with_its_scores():
    read = parse(whisperx.render(TALK))
    assert [word.score for segment in read.segments for word in segment.words] == [0.5, 0.9]
    assert read.language == "en"


def test_amanu_has_a_list_of_segments():
    assert json.loads(whisperx.render_amanu(TALK)) == [
        {"speaker_id": "SPEAKER_00", "start_time": 0.1, "end_time": 0.9, "text": "Oh, hello.", "confidence": 0.7},
        {"speaker_id": "Unknown", "start_time": 1.0, "end_time": 2.0, "text": "Yes.", "confidence": 1.0},
    ]
