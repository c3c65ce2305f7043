"""What holds for every format and every input."""

from collections import Counter

import pytest
from support.readers import TEXTS

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, JSON_STYLES, detect_format, subtitle_formats
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.subtitles.layout import DEFAULT_LAYOUT

LAID_OUT = {f"{name} by sentences": known for name, known in subtitle_formats(DEFAULT_LAYOUT).items()}
ALL_FORMATS = {**FORMATS, **JSON_STYLES, **LAID_OUT}
WITHOUT_TEXT = {"rttm"}
"""Formats with speaker turns only."""


def make_segment(start, end, text, speaker, *texts):
    words = tuple(LabelledWord(start=start, end=end, text=word, speaker=speaker) for word in texts)
    return LabelledSegment(start=start, end=end, text=text, speaker=speaker, words=words)


def make_document(*segments, turns=()):
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    diarization = Diarization(uri="call", turns=turns, exclusive_turns=turns)
    transcript = LabelledTranscript(uri="call", segments=segments, diarization=diarization)
    return Document(transcript=transcript, media="call.wav", audio_src="call.wav")


CASES = {
    "nothing": make_document(),
    "turns alone": make_document(turns=[(0, 2.8, "SPEAKER_00"), (2.5, 5.2, "SPEAKER_01")]),
    "overlap": make_document(
        make_segment(0, 2.5, "Hello", "SPEAKER_00"),
        make_segment(2, 5, "Hi there", "SPEAKER_01"),
        turns=[(0, 2.8, "SPEAKER_00"), (2.5, 5.2, "SPEAKER_01")],
    ),
    "one speaker over itself": make_document(
        make_segment(0, 9, "around", "A"),
        make_segment(2, 3, "within", "A"),
        make_segment(2, 3, "again", "A"),
        turns=[(0, 9, "A"), (2, 3, "A")],
    ),
    "out of order": make_document(make_segment(5, 6, "second", "A"), make_segment(1, 2, "first", "A")),
    "names": make_document(
        make_segment(0, 1, "Добрый день", "Анна Ли"),
        make_segment(1, 2, "早上好", "李 雷"),
        make_segment(2, 3, "🎉 done", "Zoë “Z” O'Neil"),
        turns=[(0, 1, "Анна Ли"), (1, 2, "李 雷"), (2, 3, "Zoë “Z” O'Neil")],
    ),
    "hours": make_document(make_segment(3599.9996, 360000.5, "a long talk", "A"), turns=[(3599.9996, 360000.5, "A")]),
    "markup": make_document(
        make_segment(0, 1, "1 --> 2 & <b>bold</b> <script>alert('x')</script> &amp; \"quoted\" {a / b}", "<v>&\"'-->"),
        make_segment(1, 2, "one\n\ntwo\tthree\u2028four", "line\nend\ttab"),
        make_segment(2, 3, ";; no comment", ";;speaker"),
        turns=[(0, 1, "<v>&\"'-->")],
    ),
    "nobody": make_document(make_segment(0, 1, "Who is there?", None), turns=[(7, 8, "A")]),
    "an empty name": make_document(make_segment(0, 1, "Who is there?", ""), turns=[(0, 1, "")]),
    "no length": make_document(make_segment(1, 1, "Oh.", "A"), make_segment(1, 1, "Ah.", "A"), turns=[(1, 1, "A")]),
    "no text": make_document(make_segment(0, 1, " \n ", "A"), make_segment(1, 2, "", None)),
    "words": make_document(
        make_segment(0, 2, "Well, hello there", "A", " Well,", " hello there"),
        make_segment(2, 3, "No times here", "B"),
        turns=[(0, 2, "A")],
    ),
    "names that collide": make_document(
        make_segment(0, 1, "x", "A", "x"), make_segment(1, 2, "y", "A words"), make_segment(2, 3, "z", None)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("kind", ALL_FORMATS)
class TestEveryFormat:
    def test_ends_in_a_line_end_and_is_reproducible(self, kind, case):
        text = ALL_FORMATS[kind].render(case)
        assert text == "" or (text.endswith("\n") and not text.startswith("\ufeff"))
        assert text == ALL_FORMATS[kind].render(case)
        text.encode()

    def test_keeps_every_word(self, kind, case):
        if kind in WITHOUT_TEXT:
            return
        words = Counter(word for segment in case.transcript.segments for word in segment.text.split())
        if kind.startswith("srt"):
            words = Counter(word.replace("-->", "->") for word in words.elements())
        assert words <= Counter(word for text in TEXTS[kind](ALL_FORMATS[kind].render(case)) for word in text.split())


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
def test_the_suffix_of_a_name_gives_the_format(name, kind):
    assert detect_format(name) == kind


def test_an_unknown_suffix_is_refused():
    with pytest.raises(UsageError, match=r"no output format has the suffix \.docx"):
        detect_format("call.docx")


def test_each_format_has_its_own_suffix():
    assert {detect_format(f"call{each.suffix}"): each for each in FORMATS.values()} == FORMATS
