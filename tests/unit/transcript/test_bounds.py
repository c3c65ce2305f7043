"""Limits of input size: an excessive document is refused at once, and any real one is read."""

import json
import time
from contextlib import suppress

import pytest

from diarize_runner import bounds
from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import DiarizeRunnerError, RttmError, TranscriptError
from diarize_runner.transcript import bounds as transcript_bounds
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats import timeline
from diarize_runner.transcript.model import Segment, Transcript
from diarize_runner.transcript.read import parse, read
from diarize_runner.transcript.sentences import split_sentences

LATEST = bounds.MAX_RECORDING_SECONDS
DOCUMENTS = {
    "whisper": '{{"segments": [{{"start": 0, "end": {}, "text": "a"}}]}}',
    "whisper, as a string": '[{{"start": "0", "end": "{}", "text": "a"}}]',
    "whisper, a word": '[{{"start": 0, "end": 1, "text": "a", "words": [{{"start": 0, "end": {}, "word": "a"}}]}}]',
    "openai": '{{"text": "a", "words": [{{"word": "a", "start": 0, "end": {}}}]}}',
    "stm": "a 1 x 0 {} Hello",
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
@pytest.mark.parametrize("end", ["864001", "1" + "0" * 15, "1" + "0" * 308, "9" * 400])
def test_a_time_beyond_ten_days_is_refused(document, end):
    with pytest.raises(
        TranscriptError, match=r"(end|line 1).*(beyond the limit of 10 days|not a time in seconds)"
    ) as caught:
        parse(document.format(end))
    assert caught.value.hint


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_time_of_ten_days_is_accepted(document):
    assert parse(document.format(LATEST)).segments


@pytest.mark.parametrize("digits", [5, 400, 5000])
@pytest.mark.parametrize(
    "document", ["1\n{}:00:00,000 --> 00:00:02,500\nHi\n", "WEBVTT\n\n00:00.000 --> {}:00:00.000\nHi"]
)
def test_hours_of_too_many_digits_are_refused_with_their_line(document, digits):
    with pytest.raises(TranscriptError, match=r"line [23]"):
        parse(document.format("9" * digits))


def test_milliseconds_beyond_ten_days_are_refused():
    document = '{"transcription": [{"offsets": {"from": 0, "to": %s}, "text": "a"}]}'
    assert parse(document % int(LATEST * 1000)).segments
    with pytest.raises(TranscriptError, match=r"transcription\[0\]\.offsets\.to is .* s, beyond the limit of 10 days"):
        parse(document % int(LATEST * 1000 + 1000))


def test_a_character_reference_of_too_many_digits_is_refused_with_its_line():
    with pytest.raises(TranscriptError, match="the text from line 4 on has an invalid character reference"):
        parse(f"WEBVTT\n\n00:00.000 --> 00:02.500\n&#{'9' * 5000};")


LENGTH = 200_000
QUADRATIC_INPUTS = {
    "blank lines": "\n" * LENGTH + "x",
    "digits and no arrow": "1:" + "1" * LENGTH,
    "tags of SRT that do not end": "1\n00:00:00,000 --> 00:00:02,500\n" + "<b " * LENGTH,
    "tags of WebVTT that do not end": "WEBVTT\n\n00:00.000 --> 00:02.500\n" + "<" * LENGTH,
    "tokens of half a character": json.dumps(
        {"transcription": [{"offsets": {"from": 0, "to": 1}, "text": "a", "tokens": [{"text": "\udce3"}] * 20_000}]}
    ),
    "a sentence of dots": json.dumps(
        {"text": "." * LENGTH + "a b", "words": [{"word": word, "start": 0, "end": 1} for word in "ab"]}
    ),
    "lists in lists": "[" * LENGTH,
    "a line of many fields": "a 1 x 0 1 " + "a " * LENGTH,
}


@pytest.mark.parametrize("document", QUADRATIC_INPUTS.values(), ids=QUADRATIC_INPUTS.keys())
def test_parsing_time_is_not_quadratic(document):
    """Quadratic time at 200,000 characters is minutes: 60,000 blank lines took 112 s."""
    started = time.process_time()
    with suppress(TranscriptError):
        parse(document)
    assert time.process_time() - started < 5


def test_sentence_search_is_not_quadratic():
    words = parse(
        '{"text": "a b", "words": [{"word": "a", "start": 0, "end": 1}, {"word": "b", "start": 1, "end": 2}]}'
    )
    started = time.process_time()
    assert list(split_sentences("." * LENGTH + "a b", words.segments[0].words))
    assert time.process_time() - started < 5


EXCEEDS = "exceeds the limit of 3 segments, 6 words or 40 characters"


class TestCounts:
    """With limits that a test reaches quickly."""

    @pytest.fixture(autouse=True)
    def small_limits(self, monkeypatch):
        monkeypatch.setattr(transcript_bounds, "MAX_SEGMENTS", 3)
        monkeypatch.setattr(transcript_bounds, "MAX_WORDS", 6)
        monkeypatch.setattr(transcript_bounds, "MAX_CHARACTERS", 40)
        monkeypatch.setattr(transcript_bounds, "MAX_SEGMENT_CHARACTERS", 20)
        monkeypatch.setattr(bounds, "MAX_VALUES", 40)

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            (["a"] * 4, f"segment 4 {EXCEEDS}"),
            (["a b c d", "e f g"], f"segment 2 {EXCEEDS}"),
            (["x" * 19, "y" * 19, "z" * 3], f"segment 3 {EXCEEDS}"),
            (["x" * 21], "segment 1 has more than 20 characters"),
        ],
    )
    def test_segments_words_and_characters_are_limited(self, texts, message):
        document = [{"start": 0, "end": 1, "text": text} for text in texts]
        with pytest.raises(TranscriptError, match=rf"talk\.json: {message}"):
            parse(json.dumps(document), name="talk.json")
        parse(json.dumps([{"start": 0, "end": 1, "text": "a b"}] * 3))

    def test_words_count_even_if_the_text_is_empty(self):
        word = {"start": 0, "end": 1, "word": "a b"}
        with pytest.raises(TranscriptError, match=f"segment 1 {EXCEEDS}"):
            parse(json.dumps([{"start": 0, "end": 1, "text": "", "words": [word] * 4}]))

    @pytest.mark.parametrize("document", ["[" + "[]," * 40 + "[]]", "a 1 x 0 1 Hello\n" * 41])
    def test_values_and_lines_are_counted_before_parsing(self, document):
        with pytest.raises(TranscriptError, match="has more than 40 values or lines"):
            parse(document)


def test_a_file_beyond_the_size_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_FILE_BYTES", 1 << 20)
    path = tmp_path / "talk.json"
    path.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(TranscriptError, match=r"talk\.json: is larger than 1 MiB"):
        read(path)
    with pytest.raises(RttmError, match=r"talk\.json: is larger than 1 MiB"):
        read_rttm(path)
    path.write_bytes(b"a 1 x 0 1 Hello" + b" " * 1000)
    assert read(path).segments


def write_rttm(tmp_path, *turns):
    path = tmp_path / "turns.rttm"
    path.write_text("".join(f"SPEAKER a 1 {on} {length} <NA> <NA> {name} <NA> <NA>\n" for on, length, name in turns))
    return path


class TestTurns:
    @pytest.mark.parametrize(
        ("turn", "message"),
        [
            ((0, "1e15", "A"), "line 1: the turn ends at 1e\\+15 s, beyond the limit of 10 days"),
            ((1e308, 1e308, "A"), "line 1: the turn ends at inf s, beyond the limit of 10 days"),
            ((0, 1, "A" * 256), "line 1: a name has more than 255 characters"),
        ],
    )
    def test_the_times_and_name_of_a_turn_are_limited(self, tmp_path, turn, message):
        with pytest.raises(RttmError, match=message):
            read_rttm(write_rttm(tmp_path, turn))
        assert read_rttm(write_rttm(tmp_path, (0, LATEST, "A" * 255)))

    def test_the_number_of_turns_is_limited(self, tmp_path, monkeypatch):
        monkeypatch.setattr("diarize_runner.diarization.rttm.MAX_TURNS", 3)
        assert read_rttm(write_rttm(tmp_path, *[(0, 1, "A")] * 3))
        with pytest.raises(RttmError, match="recording a: 4 turns, 1 speakers; the limits are 3 and 1,000"):
            read_rttm(write_rttm(tmp_path, *[(0, 1, "A")] * 4))

    def test_the_number_of_speakers_is_limited(self, tmp_path):
        assert read_rttm(write_rttm(tmp_path, *[(number, 1, f"S{number}") for number in range(1000)]))
        with pytest.raises(RttmError, match="1,001 turns, 1,001 speakers"):
            read_rttm(write_rttm(tmp_path, *[(number, 1, f"S{number}") for number in range(1001)]))

    def test_the_number_of_overlapping_turns_is_limited(self, tmp_path):
        """Each overlap lists all its speakers, so the output grows with the square of the input."""
        with pytest.raises(RttmError, match="up to 2,000 turns overlap"):
            read_rttm(write_rttm(tmp_path, *[(number / 1000, 20, f"S{number % 900}") for number in range(2000)]))
        assert read_rttm(write_rttm(tmp_path, *[(number / 10, 2, f"S{number}") for number in range(900)]))


def test_segments_that_overlap_too_many_turns_are_refused_quickly():
    turns = tuple(SpeakerTurn(start=start, end=start + 1, speaker=f"S{start % 3}") for start in range(20_000))
    diarization = Diarization(uri="a", turns=turns, exclusive_turns=turns)
    whole = Segment(start=0, end=20_000, text="a")
    started = time.process_time()
    with pytest.raises(TranscriptError, match=r"the transcript's first \d+ segments overlap too many speaker turns"):
        assign_speakers(Transcript(segments=(whole,) * 100_000), diarization)
    assert time.process_time() - started < 10
    assert len(assign_speakers(Transcript(segments=(whole,) * 3), diarization).segments) == 3


@pytest.mark.parametrize("duration", [0.5, 864_000.0, 864_001.0, 1e9, 1e15, 1e308])
def test_an_axis_of_any_length_has_few_ticks(duration):
    svg = timeline.draw((), (), duration)
    assert 1 <= svg.count('class="tick"') <= 11


def test_every_error_about_a_limit_has_a_hint():
    for document in ("[[[", '[{"start": 0, "end": 1e15, "text": ""}]', "a 1 x 0 1e15 b"):
        with pytest.raises(DiarizeRunnerError) as caught:
            parse(document)
        assert caught.value.hint


def test_openai_silence_has_no_segments_and_a_text_without_words_is_refused():
    assert parse('{"text": " ", "words": []}').segments == ()
    with pytest.raises(TranscriptError, match="words is empty, so the text has no times"):
        parse('{"text": "Hello.", "words": []}')


@pytest.mark.parametrize("language", ['["ja"]', "{}", "null", "3"])
def test_a_language_that_is_not_a_string_is_ignored(language):
    document = '{"result": {"language": %s}, "transcription": [{"offsets": {"from": 0, "to": 1}, "text": "a"}]}'
    assert parse(document % language).segments
