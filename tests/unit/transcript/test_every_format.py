"""What holds for every format, whatever it is given."""

from collections import Counter

import pytest
from support.readers import TEXTS

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.known import FORMATS, WHISPERLIVE, format_of
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

ALL = {**FORMATS, "whisperlive": WHISPERLIVE}
SAYING_NOTHING = {"rttm"}
"""Formats that hold speaker turns alone."""


def segment(start, end, text, speaker, *words):
    said = tuple(LabelledWord(start=start, end=end, text=word, speaker=speaker) for word in words)
    return LabelledSegment(start=start, end=end, text=text, speaker=speaker, words=said)


def document(*segments, turns=()):
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    diarization = Diarization(uri="call", turns=turns, exclusive_turns=turns)
    transcript = LabelledTranscript(uri="call", segments=segments, diarization=diarization)
    return Document(transcript=transcript, media="call.wav", sound="call.wav")


CASES = {
    "nothing": document(),
    "turns alone": document(turns=[(0, 2.8, "SPEAKER_00"), (2.5, 5.2, "SPEAKER_01")]),
    "overlap": document(
        segment(0, 2.5, "Hello", "SPEAKER_00"),
        segment(2, 5, "Hi there", "SPEAKER_01"),
        turns=[(0, 2.8, "SPEAKER_00"), (2.5, 5.2, "SPEAKER_01")],
    ),
    "one speaker over itself": document(
        segment(0, 9, "around", "A"),
        segment(2, 3, "within", "A"),
        segment(2, 3, "again", "A"),
        turns=[(0, 9, "A"), (2, 3, "A")],
    ),
    "out of order": document(segment(5, 6, "second", "A"), segment(1, 2, "first", "A")),
    "names": document(
        segment(0, 1, "Добрый день", "Анна Ли"),
        segment(1, 2, "早上好", "李 雷"),
        segment(2, 3, "🎉 done", "Zoë “Z” O'Neil"),
        turns=[(0, 1, "Анна Ли"), (1, 2, "李 雷"), (2, 3, "Zoë “Z” O'Neil")],
    ),
    "hours": document(segment(3599.9996, 360000.5, "a long talk", "A"), turns=[(3599.9996, 360000.5, "A")]),
    "markup": document(
        segment(0, 1, "1 --> 2 & <b>bold</b> <script>alert('x')</script> &amp; \"quoted\" {a / b}", "<v>&\"'-->"),
        segment(1, 2, "one\n\ntwo\tthree\u2028four", "line\nend\ttab"),
        segment(2, 3, ";; no comment", ";;speaker"),
        turns=[(0, 1, "<v>&\"'-->")],
    ),
    "nobody": document(segment(0, 1, "Who is there?", None), turns=[(7, 8, "A")]),
    "an empty name": document(segment(0, 1, "Who is there?", ""), turns=[(0, 1, "")]),
    "no length": document(segment(1, 1, "Oh.", "A"), segment(1, 1, "Ah.", "A"), turns=[(1, 1, "A")]),
    "no text": document(segment(0, 1, " \n ", "A"), segment(1, 2, "", None)),
    "words": document(
        segment(0, 2, "Well, hello there", "A", " Well,", " hello there"),
        segment(2, 3, "No times here", "B"),
        turns=[(0, 2, "A")],
    ),
    "names that collide": document(
        segment(0, 1, "x", "A", "x"), segment(1, 2, "y", "A words"), segment(2, 3, "z", None)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("kind", ALL)
class TestEveryFormat:
    def test_ends_in_a_line_end_and_comes_out_the_same_again(self, kind, case):
        text = ALL[kind].render(case)
        assert text == "" or (text.endswith("\n") and not text.startswith("\ufeff"))
        assert text == ALL[kind].render(case)
        text.encode()

    def test_loses_no_word(self, kind, case):
        if kind in SAYING_NOTHING:
            return
        said = Counter(word for said in case.transcript.segments for word in said.text.split())
        if kind == "srt":
            said = Counter(word.replace("-->", "->") for word in said.elements())
        assert said <= Counter(word for text in TEXTS[kind](ALL[kind].render(case)) for word in text.split())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("call.json", "json"),
        ("call.SRT", "srt"),
        ("call.TextGrid", "textgrid"),
        ("call.textgrid", "textgrid"),
        ("call.txt", "txt"),
        ("call.labels.txt", "labels"),
        ("call", "json"),
    ],
)
def test_the_end_of_a_name_says_the_format(name, kind):
    assert format_of(name) == kind


def test_a_name_that_ends_like_no_format_is_refused():
    with pytest.raises(UsageError, match=r"nothing is written as \.docx"):
        format_of("call.docx")


def test_each_format_ends_its_names_in_a_way_of_its_own():
    assert {format_of(f"call{known.suffix}"): known for known in FORMATS.values()} == FORMATS
