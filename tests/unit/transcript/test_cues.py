"""No cue of a subtitle file is lost, and none becomes the text of another."""

import pytest

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.read import parse


def read_cues(document):
    return [(segment.start, segment.end, segment.text) for segment in parse(document).segments]


@pytest.mark.parametrize(
    "document",
    [
        "WEBVTT\n00:06.700 --> 00:07.160\nHello?\n\n00:07.600 --> 00:09.000\nthere\n",
        "WEBVTT\n\n00:06.700 --> 00:07.160\nHello?\n00:07.600 --> 00:09.000\nthere\n",
        "WEBVTT\nKind: captions\n00:06.700 --> 00:07.160\nHello?\n00:07.600 --> 00:09.000\nthere",
        "WEBVTT\n\n\nNOTE\na\n\n1\n00:06.700 --> 00:07.160\nHello?\n\nNOTE\n\n2\n00:07.600 --> 00:09.000\nthere\n\n",
    ],
    ids=["right after the header", "without a blank line", "in the header", "notes"],
)
def test_a_line_of_times_always_begins_a_cue(document):
    assert read_cues(document) == [(6.7, 7.16, "Hello?"), (7.6, 9.0, "there")]


def test_arrows_without_times_end_no_cue():
    """The Web Platform Tests' arrows.vtt; browsers drop these arrows."""
    arrows = ["-->", "foo-->", "-->foo", "--->", "-->-->"]
    lines = "".join(f"{arrow}\n00:00:00.000 --> 00:00:01.000\ntext{number}\n" for number, arrow in enumerate(arrows, 1))
    assert [text.split()[0] for _, _, text in read_cues(f"WEBVTT\n\n{lines}")] == [
        f"text{number}" for number in range(1, 6)
    ]


def test_an_arrow_in_a_text_is_text():
    assert read_cues("1\n00:00:01,000 --> 00:00:02,000\nGo A --> B\n") == [(1, 2, "Go A --> B")]
    assert read_cues("WEBVTT\n\n00:01.000 --> 00:02.000\nGo A --> B\n") == [(1, 2, "Go A --> B")]


@pytest.mark.parametrize(
    "document", ["WEBVTT\n\n00:01.000 --> soon\nHi", "1\n00:00:01,0 --> 2\nHi", "1\n0:1;5 --> 2\nHi"]
)
def test_a_damaged_line_of_times_is_an_error_and_not_text(document):
    with pytest.raises(TranscriptError, match=r"line \d is not START --> END|not a supported"):
        parse(document)


@pytest.mark.parametrize(
    ("times", "read"),
    [
        ("00:00:06,700123 --> 00:00:07,160456", (6.700123, 7.160456)),
        ("00:00:06 --> 00:00:07", (6.0, 7.0)),
        ("00:06.7 --> 00:07.16", (6.7, 7.16)),
        ("0:00:06.700 --> 0:00:07.160 X1:0 X2:9 Y1:0 Y2:9", (6.7, 7.16)),
    ],
)
def test_srt_has_times_of_any_precision(times, read):
    assert read_cues(f"1\n{times}\nHello\n") == [(*read, "Hello")]


@pytest.mark.parametrize(
    "text",
    [r"{\an8}Hello", r"{\i1}Hel{\i0}lo", r"{\pos(192,220)\fs24}Hello", "<font face='a'>Hello</font>", "<I>Hello</I>"],
)
def test_tags_of_style_in_srt_are_dropped(text):
    assert read_cues(f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n") == [(1, 2, "Hello")]


def test_braces_in_a_text_are_kept():
    assert read_cues("1\n00:00:01,000 --> 00:00:02,000\n{laughs} Hello\n") == [(1, 2, "{laughs} Hello")]
