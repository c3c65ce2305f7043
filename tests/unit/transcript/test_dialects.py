"""Each dialect reads the output of its tools."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.dialects.interpolation import interpolate_times
from diarize_runner.transcript.dialects.raw import RawWord
from diarize_runner.transcript.formats import srt, vtt
from diarize_runner.transcript.model import Segment, Span, Transcript, Word
from diarize_runner.transcript.read import parse, read

VECTORS = Path(__file__).parents[2] / "vectors" / "transcripts"


def read_vector(name):
    return read(VECTORS / name).segments


def simplify(segments):
    """Return times to the millisecond and stripped texts: what all tools agree on."""
    return [(round(each.start, 3), round(each.end, 3), each.text.strip()) for each in segments]


def list_words(segments):
    return [word for segment in segments for word in simplify(segment.words)]


@pytest.mark.parametrize("name", sorted(path.name for path in VECTORS.glob("*.*") if path.suffix != ".md"))
def test_the_output_of_every_tool_is_read(name):
    assert read_vector(name)


@pytest.mark.parametrize(
    "name",
    [
        "whisperlive.json",
        "whisperx.vtt",
        "faster-whisper.json",
        "openai-verbose.json",
        "whisper-cpp.json",
        "whisper-cpp-full.json",
        "whisper-cpp.srt",
        "whisper-cpp.vtt",
        "assemblyai.json",
        "deepgram.json",
        "aws-transcribe.json",
    ],
)
def test_the_segments_are_the_same_in_every_dialect(name):
    assert simplify(read_vector(name)) == [(0.0, 2.5, "Oh, hello."), (2.5, 5.0, "I came in 2014.")]


@pytest.mark.parametrize("name", ["faster-whisper.json", "whisper-cpp-full.json"])
def test_the_words_of_whisper_join_to_its_text(name):
    segments = read_vector(name)
    assert ["".join(word.text for word in segment.words) for segment in segments] == [each.text for each in segments]
    assert list_words(segments) == [
        (0.1, 0.4, "Oh,"),
        (0.5, 0.9, "hello."),
        (2.6, 2.7, "I"),
        (2.7, 3.0, "came"),
        (3.0, 3.2, "in"),
        (3.2, 4.0, "2014."),
    ]
    assert not any(word.interpolated for segment in segments for word in segment.words)


def test_a_word_that_whisperx_did_not_time_is_kept_and_marked():
    first, second = read_vector("whisperx.json")
    assert first.words == (Word(start=0.109, end=0.41, text="Oh,"), Word(start=0.51, end=0.911, text="hello."))
    assert second.words[2:] == (
        Word(start=3.004, end=3.204, text="in"),
        Word(start=3.204, end=3.204, text="2014.", interpolated=True),
    )


def test_words_of_openai_join_the_segment_around_them():
    segments = read_vector("openai-verbose.json")
    assert [[word.text for word in each.words] for each in segments] == [["Oh", "hello"], ["I", "came", "in", "2014"]]


def test_words_of_openai_without_segments_form_sentences():
    first, second = read_vector("openai-words.json")
    assert (first.text, second.text) == ("Oh, hello.", " I came in 2014.")
    assert [word.text for word in first.words] == ["Oh", "hello"]
    assert (round(second.start, 3), second.end, len(second.words)) == (2.6, 4.0, 4)


def test_a_word_of_openai_between_segments_joins_the_nearest():
    segments = [{"start": start, "end": start + 1, "text": ""} for start in (0, 3, 6)]
    words = [{"word": word, "start": at, "end": at} for word, at in (("a", 1.4), ("b", 2.4), ("c", 4.1), ("d", 99))]
    read = parse(json.dumps({"segments": segments, "words": words})).segments
    assert [[word.text for word in each.words] for each in read] == [["a"], ["b", "c"], ["d"]]


def test_a_character_split_by_whisper_cpp_is_joined():
    (segment,) = read_vector("whisper-cpp-split.json")
    assert segment.text == "ンハ"
    assert segment.words == (Word(start=0.0, end=1.0, text="ンハ"),)


def test_an_incomplete_character_becomes_the_replacement_character(tmp_path):
    path = tmp_path / "transcript.json"
    path.write_bytes(b'{"transcription": [{"offsets": {"from": 0, "to": 1000}, "text": " caf\xc3"}]}')
    assert read(path).segments[0].text == " caf\N{REPLACEMENT CHARACTER}"


def test_languages_without_spaces_have_a_word_for_each_token():
    tokens = [{"text": text, "offsets": {"from": at, "to": at + 500}} for text, at in (("你好", 0), ("吗", 500))]
    segment = {"offsets": {"from": 0, "to": 1000}, "text": "你好吗", "tokens": tokens}
    document = {"result": {"language": "zh"}, "transcription": [segment]}
    assert [word.text for word in parse(json.dumps(document)).segments[0].words] == ["你好", "吗"]


def test_tokens_without_times_become_interpolated_words():
    tokens = [{"text": " Oh"}, {"text": " hello", "offsets": {"from": 600, "to": 900}}]
    document = {"transcription": [{"offsets": {"from": 0, "to": 1000}, "text": " Oh hello", "tokens": tokens}]}
    first, second = parse(json.dumps(document)).segments[0].words
    assert first == Word(start=0.0, end=0.6, text=" Oh", interpolated=True)
    assert not second.interpolated


def test_a_speaker_label_before_a_subtitle_is_dropped():
    assert [each.text for each in read_vector("whisperx-diarized.srt")] == ["Oh, hello.", "I came in 2014."]


@pytest.mark.parametrize("text", ["[Music] Hello", "Hello [SPEAKER_00]", "[SPEAKER_XY] Hello", "SPEAKER_00: Hello"])
def test_other_prefixes_of_a_subtitle_are_kept(text):
    assert parse(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n").segments[0].text == text


@pytest.mark.parametrize("render", [srt.render, vtt.render])
def test_rendered_subtitles_are_read_back(render):
    turns = (SpeakerTurn(start=0.0, end=1.0, speaker="SPEAKER_00"),)
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=turns)
    transcript = Transcript(
        segments=(Segment(start=0.0, end=0.9, text="Hello"), Segment(start=9.0, end=9.5, text="Bye"))
    )
    assert parse(render(assign_speakers(transcript, diarization))).segments == transcript.segments


NO_CUES = "NOTE\nno cue -> no words\n\nSTYLE\n::cue { }"
VOICED = "<v Ann>Hello\n<00:02.000><c>there</c>"


@pytest.mark.parametrize(
    "document",
    [
        "1\n00:00:01,000 --> 00:00:02,500\nHello\nthere\n",
        "\n\n1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n\nthere\n\n",
        "00:00:01.000 --> 00:00:02.500 X1:40 X2:600\n{\\an8}Hello <font color=red>there</font>",
        f"WEBVTT - a talk\nKind: captions\n\n{NO_CUES}\n\nintro\n00:01.000 --> 00:02.500 align:start\n{VOICED}\n",
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n Hello&nbsp;there",
    ],
    ids=["two lines", "a blank line within", "no number, positions, markup", "notes, names, voices", "entities"],
)
def test_subtitles_are_read_as_players_show_them(document):
    assert simplify(parse(document).segments) == [(1.0, 2.5, "Hello there")]


def test_a_number_as_the_last_text_is_kept():
    document = "1\n00:00:00,000 --> 00:00:01,000\nHow many?\n\n2\n00:00:01,000 --> 00:00:02,000\n7\n"
    assert [each.text for each in parse(document).segments] == ["How many?", "7"]


@pytest.mark.parametrize("document", ["WEBVTT\n", "WEBVTT", '{"transcription": []}', '{"segments": [], "words": []}'])
def test_an_empty_transcript_is_read(document):
    assert parse(document).segments == ()


SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n"
CPP = '{"transcription": [{"offsets": %s, "text": "Hello", "tokens": [%s]}]}'
OFFSETS = '{"from": 0, "to": 1000}'
ERRORS = {
    SRT + "2\n00:00:01,000 --> soon\nHi\n": (
        "line 6 is not START --> END: '00:00:01,000 --> soon'",
        "SRT",
    ),
    "WEBVTT\n\nintro\n00:01.000 -->\nHi": ("line 4 is not START --> END: '00:01.000 -->'", "WebVTT"),
    CPP % ("3", ""): ("transcription[0].offsets is not an object: 3", "whisper.cpp JSON"),
    CPP % ('{"from": 0}', ""): ("transcription[0].offsets.to is missing", "whisper.cpp JSON"),
    CPP % ('{"from": 0, "to": "soon"}', ""): (
        "transcription[0].offsets.to is not a time in milliseconds: 'soon'",
        "whisper.cpp JSON",
    ),
    CPP % (OFFSETS, '{"offsets": {"from": 0, "to": 9}}'): (
        "transcription[0].tokens[0].text is missing",
        "whisper.cpp JSON",
    ),
    CPP % (OFFSETS, '{"text": "\\ud83d"}'): (
        r"transcription[0].tokens[0].text has an unpaired surrogate: '\ud83d'",
        "whisper.cpp JSON",
    ),
    '{"text": "Hi", "words": [{"word": "Hi", "start": 0}]}': (
        "words[0] has no times, nor has any other word",
        "OpenAI verbose_json",
    ),
    '{"segments": [], "words": [{"word": "Hi", "start": 0, "end": 1}]}': (
        "segments is empty, but there are 1 words",
        "OpenAI verbose_json",
    ),
    '{"segments": [{"start": 0, "end": 1}], "words": []}': ("segments[0].text is missing", "OpenAI verbose_json"),
}


@pytest.mark.parametrize(("document", "error"), ERRORS.items(), ids=[error for error, _ in ERRORS.values()])
def test_an_error_names_its_place_and_the_expected_dialect(document, error):
    with pytest.raises(TranscriptError) as caught:
        parse(document, name="transcript")
    assert caught.value.message == f"transcript: {error[0]}"
    assert caught.value.hint.startswith(f"expected {error[1]}: ")


def test_untimed_words_share_the_gap_between_their_neighbours_by_characters():
    before, after = Span(start=1.0, end=2.0), Span(start=6.0, end=7.0)
    words = [RawWord(text="a", span=before), RawWord(text=" bcd", span=None), RawWord(text="e", span=None)]
    estimated = interpolate_times([*words, RawWord(text="f", span=after)], Span(start=0.0, end=9.0))
    assert [(word.start, word.end, word.interpolated) for word in estimated] == [
        (1.0, 2.0, False),
        (2.0, 5.0, True),
        (5.0, 6.0, True),
        (6.0, 7.0, False),
    ]


times = st.integers(0, 100).map(lambda tenths: tenths / 10)
spans = st.one_of(st.none(), st.tuples(times, times).map(lambda pair: Span(start=min(pair), end=max(pair))))


@given(st.lists(st.tuples(st.text(max_size=9), spans)), st.tuples(times, times))
def test_interpolation_keeps_every_word_and_every_given_time(drawn, within):
    words = [RawWord(text=text, span=span) for text, span in drawn]
    estimated = interpolate_times(words, Span(start=min(within), end=max(within)))
    assert [word.text for word in estimated] == [word.text for word in words]
    assert [word.interpolated for word in estimated] == [word.span is None for word in words]
    assert [(now.start, now.end) for now in estimated if not now.interpolated] == [
        (was.span.start, was.span.end) for was in words if was.span
    ]
