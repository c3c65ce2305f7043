"""What no honest document has is refused in an instant, and what every honest one may have is read."""

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
from diarize_runner.transcript.sentences import sentences

LATEST = bounds.LONGEST_RECORDING
TIMED = {
    "whisper": '{{"segments": [{{"start": 0, "end": {}, "text": "a"}}]}}',
    "whisper, as a string": '[{{"start": "0", "end": "{}", "text": "a"}}]',
    "whisper, a word": '[{{"start": 0, "end": 1, "text": "a", "words": [{{"start": 0, "end": {}, "word": "a"}}]}}]',
    "openai": '{{"text": "a", "words": [{{"word": "a", "start": 0, "end": {}}}]}}',
    "stm": "a 1 x 0 {} Hello",
}


@pytest.mark.parametrize("document", TIMED.values(), ids=TIMED.keys())
@pytest.mark.parametrize("end", ["864001", "1" + "0" * 15, "1" + "0" * 308, "9" * 400])
def test_no_time_lies_beyond_the_longest_recording(document, end):
    with pytest.raises(TranscriptError, match=r"(end|line 1).*(longer than 10 days|not a time in seconds)") as refused:
        parse(document.format(end))
    assert refused.value.hint


@pytest.mark.parametrize("document", TIMED.values(), ids=TIMED.keys())
def test_a_recording_of_ten_days_is_read(document):
    assert parse(document.format(LATEST)).segments


@pytest.mark.parametrize("digits", [5, 400, 5000])
@pytest.mark.parametrize(
    "document", ["1\n{}:00:00,000 --> 00:00:02,500\nHi\n", "WEBVTT\n\n00:00.000 --> {}:00:00.000\nHi"]
)
def test_hours_of_any_number_of_digits_are_a_fault_of_their_line(document, digits):
    with pytest.raises(TranscriptError, match=r"line [23]"):
        parse(document.format("9" * digits))


def test_milliseconds_are_bounded_as_seconds_are():
    document = '{"transcription": [{"offsets": {"from": 0, "to": %s}, "text": "a"}]}'
    assert parse(document % int(LATEST * 1000)).segments
    with pytest.raises(TranscriptError, match=r"transcription\[0\]\.offsets\.to is .* longer than 10 days"):
        parse(document % int(LATEST * 1000 + 1000))


def test_a_character_reference_of_too_many_digits_is_a_fault_of_its_line():
    with pytest.raises(TranscriptError, match="line 4 begins a text with a character reference that is no character"):
        parse(f"WEBVTT\n\n00:00.000 --> 00:02.500\n&#{'9' * 5000};")


LONG = 200_000
SLOW = {
    "blank lines": "\n" * LONG + "x",
    "digits and no arrow": "1:" + "1" * LONG,
    "tags of SRT that do not end": "1\n00:00:00,000 --> 00:00:02,500\n" + "<b " * LONG,
    "tags of WebVTT that do not end": "WEBVTT\n\n00:00.000 --> 00:02.500\n" + "<" * LONG,
    "tokens of half a character": json.dumps(
        {"transcription": [{"offsets": {"from": 0, "to": 1}, "text": "a", "tokens": [{"text": "\udce3"}] * 20_000}]}
    ),
    "a sentence of dots": json.dumps(
        {"text": "." * LONG + "a b", "words": [{"word": word, "start": 0, "end": 1} for word in "ab"]}
    ),
    "lists in lists": "[" * LONG,
    "a line of many fields": "a 1 x 0 1 " + "a " * LONG,
}


@pytest.mark.parametrize("document", SLOW.values(), ids=SLOW.keys())
def test_time_grows_as_the_document_does_and_not_as_its_square(document):
    """At 200,000 characters the square is minutes: of blank lines, 60,000 took 112 s."""
    began = time.process_time()
    with suppress(TranscriptError):
        parse(document)
    assert time.process_time() - began < 5


def test_sentences_of_long_runs_of_dots_are_found_at_once():
    words = parse(
        '{"text": "a b", "words": [{"word": "a", "start": 0, "end": 1}, {"word": "b", "start": 1, "end": 2}]}'
    )
    began = time.process_time()
    assert list(sentences("." * LONG + "a b", words.segments[0].words))
    assert time.process_time() - began < 5


class TestNumbersOfThings:
    """With bounds that a test can reach in a moment."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(transcript_bounds, "MOST_SEGMENTS", 3)
        monkeypatch.setattr(transcript_bounds, "MOST_WORDS", 6)
        monkeypatch.setattr(transcript_bounds, "MOST_CHARACTERS", 40)
        monkeypatch.setattr(transcript_bounds, "LONGEST_TEXT", 20)
        monkeypatch.setattr(bounds, "MOST_VALUES", 40)

    @pytest.mark.parametrize(
        ("texts", "said"),
        [
            (["a"] * 4, "segment 4 is one too many"),
            (["a b c d", "e f g"], "segment 2 is one too many"),
            (["x" * 19, "y" * 19, "z" * 3], "segment 3 is one too many"),
            (["x" * 21], "segment 1 has a text of more than 20 characters"),
        ],
    )
    def test_are_bounded(self, texts, said):
        document = [{"start": 0, "end": 1, "text": text} for text in texts]
        with pytest.raises(TranscriptError, match=rf"talk\.json: {said}"):
            parse(json.dumps(document), name="talk.json")
        parse(json.dumps([{"start": 0, "end": 1, "text": "a b"}] * 3))

    def test_words_count_even_where_the_text_says_nothing(self):
        word = {"start": 0, "end": 1, "word": "a b"}
        with pytest.raises(TranscriptError, match="segment 1 is one too many"):
            parse(json.dumps([{"start": 0, "end": 1, "text": "", "words": [word] * 4}]))

    @pytest.mark.parametrize("document", ["[" + "[]," * 40 + "[]]", "a 1 x 0 1 Hello\n" * 41])
    def test_values_and_lines_are_counted_before_they_are_read(self, document):
        with pytest.raises(TranscriptError, match="has more than 40 values or lines"):
            parse(document)


def test_a_file_is_not_read_beyond_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "LARGEST_FILE", 1 << 20)
    path = tmp_path / "talk.json"
    path.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(TranscriptError, match=r"talk\.json: is larger than 1 MiB"):
        read(path)
    with pytest.raises(RttmError, match=r"talk\.json: is larger than 1 MiB"):
        read_rttm(path)
    path.write_bytes(b"a 1 x 0 1 Hello" + b" " * 1000)
    assert read(path).segments


def rttm(tmp_path, *turns):
    path = tmp_path / "turns.rttm"
    path.write_text("".join(f"SPEAKER a 1 {on} {length} <NA> <NA> {name} <NA> <NA>\n" for on, length, name in turns))
    return path


class TestTurns:
    @pytest.mark.parametrize(
        ("turn", "said"),
        [
            ((0, "1e15", "A"), "line 1: the turn ends after 1e\\+15 s, and no recording lasts longer than 10 days"),
            ((1e308, 1e308, "A"), "line 1: the turn ends after inf s"),
            ((0, 1, "A" * 256), "line 1: a name has more than 255 characters"),
        ],
    )
    def test_a_turn_is_bounded(self, tmp_path, turn, said):
        with pytest.raises(RttmError, match=said):
            read_rttm(rttm(tmp_path, turn))
        assert read_rttm(rttm(tmp_path, (0, LATEST, "A" * 255)))

    def test_their_number_is_bounded(self, tmp_path, monkeypatch):
        monkeypatch.setattr("diarize_runner.diarization.rttm.MOST_TURNS", 3)
        assert read_rttm(rttm(tmp_path, *[(0, 1, "A")] * 3))
        with pytest.raises(RttmError, match="recording a: 4 turns of 1 speakers, more than 3 of 1,000"):
            read_rttm(rttm(tmp_path, *[(0, 1, "A")] * 4))

    def test_their_speakers_are_bounded(self, tmp_path):
        assert read_rttm(rttm(tmp_path, *[(number, 1, f"S{number}") for number in range(1000)]))
        with pytest.raises(RttmError, match="1,001 turns of 1,001 speakers"):
            read_rttm(rttm(tmp_path, *[(number, 1, f"S{number}") for number in range(1001)]))

    def test_how_many_overlap_is_bounded(self, tmp_path):
        """Every stretch names all who speak in it, so a square of what is written comes out."""
        with pytest.raises(RttmError, match="up to 2,000 turns overlap"):
            read_rttm(rttm(tmp_path, *[(number / 1000, 20, f"S{number % 900}") for number in range(2000)]))
        assert read_rttm(rttm(tmp_path, *[(number / 10, 2, f"S{number}") for number in range(900)]))


def test_segments_that_each_last_as_long_as_all_turns_are_refused_before_they_cost_hours():
    turns = tuple(SpeakerTurn(start=start, end=start + 1, speaker=f"S{start % 3}") for start in range(20_000))
    diarization = Diarization(uri="a", turns=turns, exclusive_turns=turns)
    whole = Segment(start=0, end=20_000, text="a")
    began = time.process_time()
    with pytest.raises(TranscriptError, match=r"the transcript's first \d+ segments overlap with too many"):
        assign_speakers(Transcript(segments=(whole,) * 100_000), diarization)
    assert time.process_time() - began < 10
    assert len(assign_speakers(Transcript(segments=(whole,) * 3), diarization).segments) == 3


@pytest.mark.parametrize("duration", [0.5, 864_000.0, 864_001.0, 1e9, 1e15, 1e308])
def test_an_axis_has_few_ticks_however_long_it_is(duration):
    drawn = timeline.draw((), (), duration)
    assert 1 <= drawn.count('class="tick"') <= 11


def test_every_error_of_a_bound_says_what_to_do():
    for document in ("[[[", '[{"start": 0, "end": 1e15, "text": ""}]', "a 1 x 0 1e15 b"):
        with pytest.raises(DiarizeRunnerError) as refused:
            parse(document)
        assert refused.value.hint


def test_openai_words_of_silence_are_none_and_a_text_without_words_has_no_times():
    assert parse('{"text": " ", "words": []}').segments == ()
    with pytest.raises(TranscriptError, match="words is empty, so nothing says when the text was said"):
        parse('{"text": "Hello.", "words": []}')


@pytest.mark.parametrize("language", ['["ja"]', "{}", "null", "3"])
def test_a_language_that_is_no_text_is_none_that_is_written_without_blanks(language):
    document = '{"result": {"language": %s}, "transcription": [{"offsets": {"from": 0, "to": 1}, "text": "a"}]}'
    assert parse(document % language).segments
