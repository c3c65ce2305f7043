"""JSON of other makers is read in its own units, or refused; it is never taken for another maker's."""

import json
from pathlib import Path

import pytest

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.read import parse, read

VECTORS = Path(__file__).parents[2] / "vectors" / "transcripts"
TEXTS = ["Oh,", "hello.", "I", "came", "in", "2014."]


@pytest.mark.parametrize("name", ["assemblyai", "assemblyai-words", "deepgram", "deepgram-words"])
def test_the_words_of_services_have_times_in_seconds(name):
    words = [word for segment in read(VECTORS / f"{name}.json").segments for word in segment.words]
    assert [word.text for word in words] == TEXTS
    assert [(word.start, word.end) for word in (words[0], words[-1])] == [(0.1, 0.4), (3.2, 4.0)]
    assert not any(word.interpolated for word in words)


@pytest.mark.parametrize("name", ["aws-transcribe", "aws-transcribe-items"])
def test_amazons_punctuation_belongs_to_the_text_only(name):
    first, second = read(VECTORS / f"{name}.json").segments
    assert [word.text for word in (*first.words, *second.words)] == [text.strip(".,") for text in TEXTS]
    assert (first.text, second.text.strip()) == ("Oh, hello.", "I came in 2014.")


@pytest.mark.parametrize("name", ["assemblyai-words", "deepgram-words", "aws-transcribe-items"])
def test_a_service_without_segments_gives_sentences(name):
    assert [segment.text.strip() for segment in read(VECTORS / f"{name}.json").segments] == [
        "Oh, hello.",
        "I came in 2014.",
    ]


def test_utterances_in_milliseconds_are_not_taken_for_openais_seconds():
    """Its segments once ended at 1 h 51 min of a recording of 30 s."""
    utterance = {"start": 6700, "end": 7100, "text": "Hello", "speaker": "A", "words": []}
    word = {"text": "Hello", "start": 6700, "end": 7100}
    (segment,) = parse(json.dumps({"utterances": [utterance], "text": "Hello", "words": [word]})).segments
    assert (segment.start, segment.end) == (6.7, 7.1)


@pytest.mark.parametrize(
    "document",
    [
        {"text": "Hi", "words": [{"text": "Hi", "start": 0, "end": 1, "type": "word", "speaker_id": "speaker_0"}]},
        {"monologues": [{"speaker": 0, "elements": [{"type": "text", "value": "Hi", "ts": 0.1, "end_ts": 0.3}]}]},
        {"results": [{"alternatives": [{"transcript": "Hi", "words": [{"word": "Hi", "startTime": "0s"}]}]}]},
        {"recognizedPhrases": [{"offsetInTicks": 1, "nBest": [{"display": "Hi."}]}]},
    ],
    ids=["ElevenLabs", "Rev AI", "Google", "Azure"],
)
def test_json_of_an_unknown_maker_is_refused(document):
    with pytest.raises(TranscriptError, match="is JSON, but not a supported transcript"):
        parse(json.dumps(document))


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"text": "a", "utterances": [{"text": "a", "start": 0}]}, "utterances[0].end is missing"),
        ({"text": "Hi.", "audio_url": "x", "words": None}, "words is empty, so the text has no times"),
        ({"results": {"channels": [{"alternatives": 3}]}}, "results.channels[0].alternatives is not a list: 3"),
        (
            {"results": {"items": [{"type": "pronunciation"}], "transcripts": []}},
            "results.items[0].alternatives is missing",
        ),
    ],
)
def test_an_error_in_their_json_names_its_place(document, error):
    with pytest.raises(TranscriptError) as caught:
        parse(json.dumps(document), name="talk")
    assert caught.value.message.startswith(f"talk: {error}")
    assert caught.value.hint.startswith("expected ")


def test_silence_gives_no_segments():
    assert parse('{"text": "", "words": [], "audio_url": "x"}').segments == ()
    assert parse('{"results": {"channels": [{"alternatives": [{"transcript": "", "words": []}]}]}}').segments == ()
    assert parse('{"results": {"channels": [{"alternatives": []}]}}').segments == ()
    assert parse('{"results": {"transcripts": [{"transcript": ""}], "items": []}}').segments == ()
