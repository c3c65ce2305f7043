"""Names of speakers: read from options and files, and given to all that names a speaker."""

import pytest
from support.readers import plain

from diarize_runner.errors import UsageError
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, WHISPERLIVE
from diarize_runner.transcript.speaker_names import parse_name, read_names, rename_speakers

NAMES = {"SPEAKER_00": "Ada", "SPEAKER_01": "Bo Li"}


@pytest.mark.parametrize("kind", [*(kind for kind in FORMATS if kind != "ctm"), "whisperlive"])  # CTM has no speakers
def test_every_format_has_the_names_and_no_label(meeting, kind):
    renamed = Document(transcript=rename_speakers(meeting.transcript, NAMES), media="in/meeting.wav")
    text = {**FORMATS, "whisperlive": WHISPERLIVE}[kind].render(renamed)
    assert "SPEAKER_" not in text
    assert "Ada" in text
    assert "Bo Li" in plain(text).replace("Bo_Li", "Bo Li")


def test_two_labels_of_one_name_become_one_speaker(meeting):
    one = rename_speakers(meeting.transcript, {"SPEAKER_00": "Ada", "SPEAKER_01": "Ada"})
    assert one.diarization.speakers == ("Ada",)
    assert {also for segment in one.segments if segment.attribution for also in segment.attribution.also} == set()


def test_names_may_be_exchanged(meeting):
    exchange = {"SPEAKER_00": "SPEAKER_01", "SPEAKER_01": "SPEAKER_00"}
    exchanged = rename_speakers(meeting.transcript, exchange)
    assert exchanged != meeting.transcript
    assert rename_speakers(exchanged, exchange) == meeting.transcript


@pytest.mark.parametrize(
    "text",
    ["# people\n\nSPEAKER_00=Ada\n SPEAKER_01 = Bo Li \n", '{"SPEAKER_00": "Ada", "SPEAKER_01": "Bo Li"}'],
)
def test_a_file_has_lines_or_an_object(tmp_path, text):
    (tmp_path / "names").write_text(text)
    assert read_names(tmp_path / "names") == NAMES


@pytest.mark.parametrize("text", ["Ada", "=Ada", "A=", "A=\x1b[1m", "A=" + 300 * "x"])
def test_an_unusable_name_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"LABEL=NAME|control characters"):
        parse_name(text)
    (tmp_path / "names").write_text(text)
    with pytest.raises(UsageError):
        read_names(tmp_path / "names")


@pytest.mark.parametrize("text", ["A=Ada\nA=Bo", '{"A": 1}', '{"A": ', 9999 * '{"A":', "A=\udcff"])
def test_an_unusable_file_is_refused_by_name(tmp_path, text):
    (tmp_path / "names").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match="names"):
        read_names(tmp_path / "names")
