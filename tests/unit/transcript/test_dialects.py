"""Each tool's way of writing a transcript down, from what it writes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.dialects.untimed import Said, timed
from diarize_runner.transcript.formats import srt, vtt
from diarize_runner.transcript.model import Segment, Span, Transcript, Word
from diarize_runner.transcript.read import parse, read

WRITTEN = Path(__file__).parents[2] / "vectors" / "transcripts"


def segments_of(name):
    return read(WRITTEN / name).segments


def shape(segments):
    """Times to the millisecond and texts without outer blanks: what all tools agree on."""
    return [(round(each.start, 3), round(each.end, 3), each.text.strip()) for each in segments]


def words_of(segments):
    return [word for segment in segments for word in shape(segment.words)]


@pytest.mark.parametrize("name", sorted(path.name for path in WRITTEN.glob("*.*") if path.suffix != ".md"))
def test_whatever_a_tool_writes_is_read(name):
    assert segments_of(name)


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
    ],
)
def test_the_segments_are_the_same_in_every_dialect(name):
    assert shape(segments_of(name)) == [(0.0, 2.5, "Oh, hello."), (2.5, 5.0, "I came in 2014.")]


@pytest.mark.parametrize("name", ["faster-whisper.json", "whisper-cpp-full.json"])
def test_the_words_of_whisper_are_its_text(name):
    segments = segments_of(name)
    assert ["".join(word.text for word in segment.words) for segment in segments] == [each.text for each in segments]
    assert words_of(segments) == [
        (0.1, 0.4, "Oh,"),
        (0.5, 0.9, "hello."),
        (2.6, 2.7, "I"),
        (2.7, 3.0, "came"),
        (3.0, 3.2, "in"),
        (3.2, 4.0, "2014."),
    ]
    assert not any(word.interpolated for segment in segments for word in segment.words)


def test_a_word_that_whisperx_could_not_time_is_kept_and_marked():
    first, second = segments_of("whisperx.json")
    assert first.words == (Word(start=0.109, end=0.41, text="Oh,"), Word(start=0.51, end=0.911, text="hello."))
    assert second.words[2:] == (
        Word(start=3.004, end=3.204, text="in"),
        Word(start=3.204, end=3.204, text="2014.", interpolated=True),
    )


def test_the_words_of_openai_come_to_the_segment_they_are_said_in():
    segments = segments_of("openai-verbose.json")
    assert [[word.text for word in each.words] for each in segments] == [["Oh", "hello"], ["I", "came", "in", "2014"]]


def test_words_of_openai_without_segments_make_sentences():
    first, second = segments_of("openai-words.json")
    assert (first.text, second.text) == ("Oh, hello.", " I came in 2014.")
    assert [word.text for word in first.words] == ["Oh", "hello"]
    assert (round(second.start, 3), second.end, len(second.words)) == (2.6, 4.0, 4)


def test_a_word_of_openai_between_segments_comes_to_the_nearer():
    segments = [{"start": start, "end": start + 1, "text": ""} for start in (0, 3, 6)]
    words = [{"word": word, "start": at, "end": at} for word, at in (("a", 1.4), ("b", 2.4), ("c", 4.1), ("d", 99))]
    read = parse(json.dumps({"segments": segments, "words": words})).segments
    assert [[word.text for word in each.words] for each in read] == [["a"], ["b", "c"], ["d"]]


def test_a_character_that_whisper_cpp_cut_into_two_is_whole_again():
    (segment,) = segments_of("whisper-cpp-split.json")
    assert segment.text == "ンハ"
    assert segment.words == (Word(start=0.0, end=1.0, text="ンハ"),)


def test_what_is_left_of_a_character_is_no_reason_to_refuse_a_transcript(tmp_path):
    path = tmp_path / "said.json"
    path.write_bytes(b'{"transcription": [{"offsets": {"from": 0, "to": 1000}, "text": " caf\xc3"}]}')
    assert read(path).segments[0].text == " caf\N{REPLACEMENT CHARACTER}"


def test_languages_without_blanks_have_a_word_for_each_token():
    tokens = [{"text": text, "offsets": {"from": at, "to": at + 500}} for text, at in (("你好", 0), ("吗", 500))]
    segment = {"offsets": {"from": 0, "to": 1000}, "text": "你好吗", "tokens": tokens}
    document = {"result": {"language": "zh"}, "transcription": [segment]}
    assert [word.text for word in parse(json.dumps(document)).segments[0].words] == ["你好", "吗"]


def test_tokens_without_times_are_words_without_times():
    tokens = [{"text": " Oh"}, {"text": " hello", "offsets": {"from": 600, "to": 900}}]
    document = {"transcription": [{"offsets": {"from": 0, "to": 1000}, "text": " Oh hello", "tokens": tokens}]}
    first, second = parse(json.dumps(document)).segments[0].words
    assert first == Word(start=0.0, end=0.6, text=" Oh", interpolated=True)
    assert not second.interpolated


def test_a_label_that_a_diarizer_put_before_a_subtitle_is_no_text():
    assert [each.text for each in segments_of("whisperx-diarized.srt")] == ["Oh, hello.", "I came in 2014."]


@pytest.mark.parametrize("text", ["[Music] Hello", "Hello [SPEAKER_00]", "[SPEAKER_XY] Hello", "SPEAKER_00: Hello"])
def test_other_words_in_front_of_a_subtitle_are_text(text):
    assert parse(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n").segments[0].text == text


@pytest.mark.parametrize("render", [srt.render, vtt.render])
def test_subtitles_that_were_written_here_are_read_as_they_were(render):
    turns = (SpeakerTurn(start=0.0, end=1.0, speaker="SPEAKER_00"),)
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=turns)
    said = Transcript(segments=(Segment(start=0.0, end=0.9, text="Hello"), Segment(start=9.0, end=9.5, text="Bye")))
    assert parse(render(assign_speakers(said, diarization))).segments == said.segments


NO_CUES = "NOTE\n00:00.000 --> 00:01.000\n\nSTYLE\n::cue { }"
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
    assert shape(parse(document).segments) == [(1.0, 2.5, "Hello there")]


def test_a_number_that_is_the_last_text_is_a_text():
    document = "1\n00:00:00,000 --> 00:00:01,000\nHow many?\n\n2\n00:00:01,000 --> 00:00:02,000\n7\n"
    assert [each.text for each in parse(document).segments] == ["How many?", "7"]


@pytest.mark.parametrize("document", ["WEBVTT\n", "WEBVTT", '{"transcription": []}', '{"segments": [], "words": []}'])
def test_nothing_may_have_been_said(document):
    assert parse(document).segments == ()


SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n"
CPP = '{"transcription": [{"offsets": %s, "text": "Hello", "tokens": [%s]}]}'
OFFSETS = '{"from": 0, "to": 1000}'
FAULTS = {
    SRT + "2\n00:00:01,000 --> soon\nHi\n": (
        "line 6 is not a time, an arrow and a time: '00:00:01,000 --> soon'",
        "SRT",
    ),
    SRT + "2\n00:00:02,000 --> 00:00:01,000\n": ("line 6, end is 1.0 s, before the start at 2.0 s", "SRT"),
    "WEBVTT\n\nintro\n00:01.000 -->\nHi": ("line 4 is not a time, an arrow and a time: '00:01.000 -->'", "WebVTT"),
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
        r"transcription[0].tokens[0].text has half a character: '\ud83d'",
        "whisper.cpp JSON",
    ),
    '{"text": "Hi", "words": [{"word": "Hi", "start": 0}]}': ("words[0] has no times", "OpenAI verbose_json"),
    '{"segments": [], "words": [{"word": "Hi", "start": 0, "end": 1}]}': (
        "segments is empty, but there are 1 words",
        "OpenAI verbose_json",
    ),
    '{"segments": [{"start": 0, "end": 1}], "words": []}': ("segments[0].text is missing", "OpenAI verbose_json"),
}


@pytest.mark.parametrize(("document", "fault"), FAULTS.items(), ids=[fault for fault, _ in FAULTS.values()])
def test_a_fault_is_reported_with_its_place_and_the_dialect_that_was_expected(document, fault):
    with pytest.raises(TranscriptError) as caught:
        parse(document, name="said")
    assert caught.value.message == f"said: {fault[0]}"
    assert caught.value.hint.startswith(f"expected {fault[1]}: ")


def test_untimed_words_share_out_the_time_between_their_neighbours_by_characters():
    before, after = Span(start=1.0, end=2.0), Span(start=6.0, end=7.0)
    words = [Said(text="a", span=before), Said(text=" bcd", span=None), Said(text="e", span=None)]
    filled = timed([*words, Said(text="f", span=after)], Span(start=0.0, end=9.0))
    assert [(word.start, word.end, word.interpolated) for word in filled] == [
        (1.0, 2.0, False),
        (2.0, 5.0, True),
        (5.0, 6.0, True),
        (6.0, 7.0, False),
    ]


times = st.integers(0, 100).map(lambda tenths: tenths / 10)
spans = st.one_of(st.none(), st.tuples(times, times).map(lambda pair: Span(start=min(pair), end=max(pair))))


@given(st.lists(st.tuples(st.text(max_size=9), spans)), st.tuples(times, times))
def test_no_word_is_dropped_reworded_or_moved_for_want_of_times(said, within):
    words = [Said(text=text, span=span) for text, span in said]
    filled = timed(words, Span(start=min(within), end=max(within)))
    assert [word.text for word in filled] == [word.text for word in words]
    assert [word.interpolated for word in filled] == [word.span is None for word in words]
    assert [(now.start, now.end) for now in filled if not now.interpolated] == [
        (was.span.start, was.span.end) for was in words if was.span
    ]
