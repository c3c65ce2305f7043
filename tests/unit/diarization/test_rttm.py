"""Reading speaker turns from RTTM."""

from pathlib import Path

import pytest

from diarize_runner.diarization.rttm import read_rttm
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import RttmError
from diarize_runner.transcript.formats import rttm

SAMPLE = Path(__file__).parents[2] / "vectors/pyannote-sample/sample.rttm"


def turns_of(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def test_written_turns_read_back_unchanged(tmp_path):
    turns = read_rttm(SAMPLE)["sample"]
    again = tmp_path / "again.rttm"
    again.write_text(rttm.render(Diarization(uri="sample", turns=turns, exclusive_turns=())))
    assert read_rttm(again) == {"sample": turns}
    assert (len(turns), turns[0]) == (10, SpeakerTurn(start=6.69, end=6.69 + 0.43, speaker="speaker90"))


def test_recordings_are_separated_and_other_lines_are_skipped(tmp_path):
    path = tmp_path / "two.rttm"
    path.write_text(
        ";; by hand\n\nSPKR-INFO b 1 <NA> <NA> <NA> unknown Ann <NA> <NA>\nSPEAKER b 1 2 1 <NA> <NA> Ann <NA>\n"
        "SPEAKER a 1 0 0.5 <NA> <NA> Bob <NA> <NA>\r\nSPEAKER b 1 0 1 <NA> <NA> Ann <NA> <NA>\n"
    )
    assert read_rttm(path) == {"b": turns_of((0, 1, "Ann"), (2, 3, "Ann")), "a": turns_of((0, 0.5, "Bob"))}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("SPEAKER a 1 soon 1 <NA> <NA> Ann <NA> <NA>", "the onset is not a time in seconds: 'soon'"),
        ("SPEAKER a 1 0 -1 <NA> <NA> Ann <NA> <NA>", "the duration is not a time in seconds: '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> Ann <NA> <NA>", "the onset is not a time in seconds: 'nan'"),
        ("SPEAKER a 1 0 1 <NA> <NA> Ann", "8 fields, not 10; names cannot contain blanks"),
        ("SPEAKER a 1 0 1 <NA> <NA> Ann Lee <NA> <NA>", "11 fields, not 10; names cannot contain blanks"),
        ("SPEAKER", "1 fields, not 10; names cannot contain blanks"),
        ("0.0 1.0 Ann", "begins with '0.0', not with SPEAKER"),
    ],
)
def test_a_bad_line_is_reported_with_its_number(line, problem, tmp_path):
    path = tmp_path / "bad.rttm"
    path.write_text(f"SPEAKER a 1 0 1 <NA> <NA> Ann <NA> <NA>\n\n{line}\n")
    with pytest.raises(RttmError) as caught:
        read_rttm(path)
    assert caught.value.message == f"{path}, line 3: {problem}"
    assert caught.value.hint.startswith("write each line as: SPEAKER file 1 onset")


@pytest.mark.parametrize(
    "content", ["", "\n", ";; nobody spoke\n", "SPKR-INFO a 1 <NA> <NA> <NA> unknown Ann <NA> <NA>\n"]
)
def test_a_file_may_have_no_turns(content, tmp_path):
    path = tmp_path / "silence.rttm"
    path.write_text(content)
    assert read_rttm(path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"SPEAKER \xff 1 0 1 <NA> <NA> Ann <NA> <NA>", "{} is not text in UTF-8"),
        (None, "cannot read {}: No such file or directory"),
    ],
)
def test_a_file_without_readable_turns_is_refused(content, message, tmp_path):
    path = tmp_path / "turns.rttm"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RttmError) as caught:
        read_rttm(path)
    assert caught.value.message == message.format(path)
