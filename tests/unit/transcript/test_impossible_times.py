"""One word or segment with impossible times is estimated and counted; it does not refuse the transcript."""

import json

import pytest

from diarize_runner.transcript.read import parse

ONE_WORD = "1 of 2 words had impossible times, which are estimated from their neighbours"
ONE_SEGMENT = "1 of {} segments had impossible times, which are estimated from their neighbours"
NAN = float("nan")


def make_document(*times):
    words = [
        {"word": text, "start": start, "end": end} for text, (start, end) in zip(["Hello", "there"], times, strict=True)
    ]
    return json.dumps({"segments": [{"start": 6.7, "end": 9.0, "text": " Hello there", "words": words}]})


@pytest.mark.parametrize("times", [(7.1, 6.7), (-0.01, 6.7), (NAN, 7.0), (7.0, NAN), ("nan", "7"), ("-1", "-0.5")])
def test_a_word_with_impossible_times_lies_between_its_neighbours(times):
    transcript = parse(make_document(times, (8, 9)))
    first, second = transcript.segments[0].words
    assert (first.start, first.end, first.interpolated) == (6.7, 8.0, True)
    assert (second.start, second.end, second.interpolated) == (8.0, 9.0, False)
    assert transcript.warnings == (ONE_WORD,)


def test_a_word_without_times_is_no_fault():
    assert parse(make_document((None, None), (8, 9))).warnings == ()


def test_a_token_of_whisper_cpp_with_impossible_times_lies_between_its_neighbours():
    tokens = [(" Hello", 6700, 6600), (" there", 8000, 9000)]
    document = {
        "transcription": [
            {
                "offsets": {"from": 6700, "to": 9000},
                "text": " Hello there",
                "tokens": [{"text": text, "offsets": {"from": start, "to": end}} for text, start, end in tokens],
            }
        ]
    }
    transcript = parse(json.dumps(document))
    assert [(word.start, word.end) for word in transcript.segments[0].words] == [(6.7, 8.0), (8.0, 9.0)]
    assert transcript.warnings == (ONE_WORD,)


def test_a_word_of_openai_with_impossible_times_stays_in_its_segment():
    segments = [{"start": start, "end": start + 1, "text": text} for start, text in ((0, "Hello there"), (6, "Bye"))]
    words = [("Hello", 0, 0.4), ("there", 0.9, 0.5), ("Bye", 6, 7)]
    listed = [{"word": text, "start": start, "end": end} for text, start, end in words]
    transcript = parse(json.dumps({"segments": segments, "words": listed}))
    assert [[word.text for word in each.words] for each in transcript.segments] == [["Hello", "there"], ["Bye"]]
    sentences = parse(json.dumps({"text": "Hello there. Bye.", "words": listed})).segments
    assert [(each.start, each.end) for each in sentences] == [(0.0, 0.4), (6.0, 7.0)]


def test_words_of_openai_stay_out_of_a_segment_with_impossible_times():
    segments = [{"start": start, "end": end, "text": "a"} for start, end in ((0, 4), (5, 3), (6, 9))]
    words = [{"word": text, "start": at, "end": at + 0.5} for text, at in (("a", 1), ("b", 2), ("c", 5.2), ("d", 7))]
    transcript = parse(json.dumps({"segments": segments, "words": words}))
    assert [[word.text for word in each.words] for each in transcript.segments] == [["a", "b"], ["c"], ["d"]]
    assert [(each.start, each.end) for each in transcript.segments] == [(0, 4), (5.2, 5.7), (6, 9)]


@pytest.mark.parametrize(
    ("times", "repaired"),
    [
        ([(9, 6.7), (10, 11)], (9, 10)),
        ([(-0.5, 2), (3, 4)], (0, 2)),
        ([(NAN, NAN), (3, 4)], (0, 3)),
        ([(2, NAN)], (2, 2)),
        ([(-3, -2), (NAN, 1), (3, 4)], (0, 3)),
        ([(4, 3), (1, 2)], (4, 4)),
    ],
)
def test_a_segment_with_impossible_times_is_repaired_from_its_neighbours(times, repaired):
    transcript = parse(json.dumps([{"start": start, "end": end, "text": "a"} for start, end in times]))
    assert (transcript.segments[0].start, transcript.segments[0].end) == repaired
    assert "segments had impossible times" in transcript.warnings[0]


def test_a_segment_with_impossible_times_extends_over_its_words():
    words = [{"word": "a", "start": 3, "end": 4}, {"word": "b", "start": 4, "end": 6}]
    (segment,) = parse(json.dumps([{"start": 9, "end": 1, "text": "a b", "words": words}])).segments
    assert (segment.start, segment.end) == (3, 6)


@pytest.mark.parametrize(
    "document",
    [
        "1\n00:00:04,000 --> 00:00:03,000\nHello\n\n2\n00:00:05,000 --> 00:00:06,000\nBye\n",
        "WEBVTT\n\n00:04.000 --> 00:03.000\nHello\n\n00:05.000 --> 00:06.000\nBye\n",
        "a 1 x 4 3 Hello\na 1 x 5 6 Bye\n",
    ],
    ids=["SRT", "WebVTT", "STM"],
)
def test_a_cue_that_ends_before_its_start_lasts_until_the_next(document):
    transcript = parse(document)
    assert [(each.start, each.end) for each in transcript.segments] == [(4, 5), (5, 6)]
    assert transcript.warnings == (ONE_SEGMENT.format(2),)


@pytest.mark.parametrize(
    "document",
    ["1\n-00:00:00,010 --> 00:00:03,000\nHello\n", "a 1 x -0.01 3 Hello\n"],
    ids=["SRT", "STM"],
)
def test_a_cue_with_a_negative_start_begins_with_the_recording(document):
    (segment,) = parse(document).segments
    assert (segment.start, segment.end, segment.text) == (0, 3, "Hello")
