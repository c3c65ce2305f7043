"""Names and texts are untrusted: no format lets them send terminal commands or forge lines."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from support.readers import TEXTS

from diarize_runner.control_characters import escape_controls, escape_controls_in_json, replace_controls_with_spaces
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, WHISPERLIVE
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

ALL_FORMATS = {**FORMATS, "whisperlive": WHISPERLIVE}
CONTROLS = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
]
REORDERING = set(CONTROLS[-9:])
FORGED = "A\nSPEAKER forged 1 0 9 <NA> <NA> B <NA> <NA>\nerror: forged\n;; \r\x1b[2J\u009b2J\x85\u2028x\u202ey\t|<b>"
WITHOUT_ESCAPES = {"srt", "vtt", "txt", "ctm", "stm", "rttm", "textgrid", "eaf", "labels", "html"}
"""Formats without escapes for control characters."""


def make_document(name, text):
    word = LabelledWord(start=0, end=1, text=text, speaker=name)
    segments = tuple(
        LabelledSegment(start=start, end=start + 1, text=text, speaker=name, words=words)
        for start, words in ((0, (word,)), (2, ()))
    )
    turns = (SpeakerTurn(start=0, end=1, speaker=name), SpeakerTurn(start=0.5, end=2, speaker="B"))
    diarization = Diarization(uri=name, turns=turns, exclusive_turns=turns)
    transcript = LabelledTranscript(uri=name, segments=segments, diarization=diarization)
    return Document(transcript=transcript, media="call.wav", audio_src="call.wav")


@pytest.mark.parametrize("kind", ALL_FORMATS)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: f"U+{ord(control):04X}")
def test_a_control_character_becomes_a_space_or_is_dropped(kind, control):
    """So it ends no line and no field. Characters that reorder text have no width, and are dropped."""
    replacement = "" if control in REORDERING else " "
    hostile, honest = (
        ALL_FORMATS[kind].render(make_document(f"A{each}B", f"one{each}two")) for each in (control, replacement)
    )
    if kind in WITHOUT_ESCAPES:
        assert set(hostile) <= {*honest, "_"}, "in a field, `_` replaces it"
        assert len(hostile.splitlines()) == len(honest.splitlines())
    else:
        assert json.loads(hostile)["segments"][0]["text"] == f"one{control}two"


@pytest.mark.parametrize("kind", sorted(WITHOUT_ESCAPES))
def test_a_hostile_name_cannot_forge_a_line(kind):
    hostile, honest = (ALL_FORMATS[kind].render(make_document(name, "Hello there")) for name in (FORGED, "A B"))
    assert len(hostile.splitlines()) == len(honest.splitlines())
    assert not any(line.startswith(("error:", "SPEAKER forged", ";;")) for line in hostile.splitlines())
    assert not re.search("[\x1b\x9b\u202e]", hostile)


@pytest.mark.parametrize(("kind", "fields"), [("rttm", 10), ("ctm", 5)])
def test_a_hostile_name_does_not_shift_columns(kind, fields):
    for line in ALL_FORMATS[kind].render(make_document(FORGED, FORGED)).splitlines():
        assert len(line.split()) == fields


def test_a_hostile_name_is_escaped_in_a_page():
    page = FORMATS["html"].render(make_document("</script><script>alert(1)</script>\" onload=x '<img src=x>", "<b>&"))
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert 'onload=x "' not in page
    assert "&lt;/script&gt;" in page


def test_elan_and_praat_can_read_hostile_text():
    everything = "".join(CONTROLS) + '"]]>&<\ufffe'
    ET.fromstring(FORMATS["eaf"].render(make_document(everything, everything)).encode())
    assert TEXTS["textgrid"](FORMATS["textgrid"].render(make_document(everything, f'say "{everything}"')))


def test_escaped_text_is_readable():
    assert escape_controls("a\x1b[2J\nb\u202e\udce9\x9b é") == r"a\x1b[2J\nb\u202e\udce9\x9b é"
    assert replace_controls_with_spaces("a\x1bb\u202ec") == "a bc"
    written = json.dumps({"a\x9b": "\u202e\x7f\udce9 é"}, indent=2, ensure_ascii=False)
    assert json.loads(escape_controls_in_json(written)) == json.loads(written)
    assert set(escape_controls_in_json(written)) <= set(map(chr, range(0x20, 0x7F))) | {"\n", "é"}
