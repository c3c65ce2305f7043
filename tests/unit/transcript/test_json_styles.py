"""JSON in the shapes of OpenAI and WhisperLive: what they hold, and that our own reader reads them back."""

import json
from dataclasses import replace

import pytest

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import JSON_STYLES
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.read import parse
from diarize_runner.transcript.speaker_names import rename_speakers

TURNS = (SpeakerTurn(start=0.0, end=2.0, speaker="SPEAKER_00"),)
WORDS = (
    LabelledWord(start=0.1, end=0.4, text=" Oh,", speaker="SPEAKER_00", score=0.5),
    LabelledWord(start=0.5, end=0.9, text=" hello.", speaker="SPEAKER_00"),
)
TALK = LabelledTranscript(
    uri="talk",
    segments=(
        LabelledSegment(start=0.1, end=0.9, text=" Oh, hello.", speaker="SPEAKER_00", words=WORDS),
        LabelledSegment(start=1.0, end=2.25, text=" Yes.", speaker=None),
    ),
    diarization=Diarization(uri="talk", turns=TURNS, exclusive_turns=TURNS),
    language="en",
)
STYLES = [style for style in JSON_STYLES if style != "amanu"]
"""Those whose documents are transcripts; Amanu's list has keys of its own."""


def render(style, transcript=TALK):
    return json.loads(JSON_STYLES[style].render(Document(transcript=transcript)))


def of_words(segments):
    return [(word["word"], word["start"], word["end"]) for segment in segments for word in segment.get("words", ())]


def test_openai_verbose_has_the_segments_and_all_words():
    document = render("openai-verbose")
    assert {key: value for key, value in document.items() if key not in ("segments", "words")} == {
        "task": "transcribe",
        "language": "english",
        "duration": 2.25,
        "text": "Oh, hello. Yes.",
        "usage": {"type": "duration", "seconds": 3},
    }
    first, second = document["segments"]
    assert first == {
        "id": 0,
        "seek": 0,
        "start": 0.1,
        "end": 0.9,
        "text": " Oh, hello.",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.693,
        "compression_ratio": 0.579,
        "no_speech_prob": 0.0,
        "speaker": "SPEAKER_00",
    }
    assert (second["avg_logprob"], "speaker" in second) == (0.0, False)
    assert document["words"] == [
        {"word": "Oh,", "start": 0.1, "end": 0.4, "speaker": "SPEAKER_00"},
        {"word": "hello.", "start": 0.5, "end": 0.9, "speaker": "SPEAKER_00"},
    ]


def test_openai_verbose_of_a_transcript_without_speakers_has_only_the_keys_of_the_api():
    words = tuple(replace(word, speaker=None) for word in WORDS)
    segments = tuple(replace(segment, speaker=None, words=words) for segment in TALK.segments)
    text = JSON_STYLES["openai-verbose"].render(Document(transcript=replace(TALK, segments=segments)))
    assert "speaker" not in text


def test_openai_verbose_without_timed_words_has_no_list_of_them():
    assert "words" not in render("openai-verbose", replace(TALK, segments=TALK.segments[1:]))


def test_openai_diarized_has_a_speaker_for_each_segment():
    assert render("openai-diarized") == {
        "task": "transcribe",
        "duration": 2.25,
        "text": "Oh, hello. Yes.",
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": "seg_001",
                "start": 0.1,
                "end": 0.9,
                "text": "Oh, hello.",
                "speaker": "SPEAKER_00",
            },
            {
                "type": "transcript.text.segment",
                "id": "seg_002",
                "start": 1.0,
                "end": 2.25,
                "text": "Yes.",
                "speaker": "UNKNOWN",
            },
        ],
        "usage": {"type": "duration", "seconds": 3},
    }


def test_whisperlives_message_has_its_times_as_strings():
    assert render("whisperlive-socket") == {
        "uid": "talk",
        "segments": [
            {
                "start": "0.100",
                "end": "0.900",
                "text": " Oh, hello.",
                "completed": True,
                "speaker": "SPEAKER_00",
                "words": [
                    {"word": " Oh,", "start": "0.100", "end": "0.400", "probability": 0.5},
                    {"word": " hello.", "start": "0.500", "end": "0.900", "probability": 1.0},
                ],
            },
            {"start": "1.000", "end": "2.250", "text": " Yes.", "completed": True},
        ],
    }


def test_whisperlives_answer_has_the_words_in_their_segments():
    document = render("whisperlive-rest")
    assert (document["language"], document["language_probability"], document["duration"]) == ("en", 1.0, 2.25)
    assert of_words(document["segments"]) == [(" Oh,", 0.1, 0.4), (" hello.", 0.5, 0.9)]
    assert "words" not in document["segments"][1]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_read_back(style):
    read = parse(JSON_STYLES[style].render(Document(transcript=TALK)))
    assert [(each.start, each.end, each.text.strip()) for each in read.segments] == [
        (0.1, 0.9, "Oh, hello."),
        (1.0, 2.25, "Yes."),
    ]
    words = [(word.start, word.end, word.text.strip()) for each in read.segments for word in each.words]
    has_words = style not in ("whisperlive", "openai-diarized")
    assert words == ([(0.1, 0.4, "Oh,"), (0.5, 0.9, "hello.")] if has_words else [])
    has_language = style not in ("whisperlive", "openai-diarized", "whisperlive-socket")
    assert read.language == ("en" if has_language else None)


@pytest.mark.parametrize("style", [*STYLES, "amanu"])
def test_every_style_has_the_names_of_speakers(style):
    named = rename_speakers(TALK, {"SPEAKER_00": "Ada Lee"})
    text = JSON_STYLES[style].render(Document(transcript=named))
    assert "Ada Lee" in text
    assert "SPEAKER_00" not in text


@pytest.mark.parametrize(
    ("language", "english", "text"), [("zh", "chinese", "你好。再见。"), (None, "unknown", "你好。 再见。")]
)
def test_texts_are_joined_as_the_language_requires(language, english, text):
    segments = tuple(
        LabelledSegment(start=start, end=start + 1, text=said, speaker=None)
        for start, said in enumerate(["你好。", "再见。"])
    )
    document = render("openai-verbose", replace(TALK, segments=segments, language=language))
    assert (document["language"], document["text"]) == (english, text)


def test_a_score_of_0_is_a_finite_number():
    segments = (replace(TALK.segments[0], words=tuple(replace(word, score=0.0) for word in WORDS)),)
    assert render("openai-verbose", replace(TALK, segments=segments))["segments"][0]["avg_logprob"] == -11.513
