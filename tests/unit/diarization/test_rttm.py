"""Speaker turns out of RTTM, and one speaker at a time out of turns that overlap."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import RttmError
from diarize_runner.transcript.exclusive import exclusive
from diarize_runner.transcript.formats import rttm
from diarize_runner.transcript.rttm import read_rttm


def turns_of(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def test_what_was_written_is_read(sample, tmp_path):
    turns = read_rttm(sample / "sample.rttm")["sample"]
    again = tmp_path / "again.rttm"
    again.write_text(rttm.render(Diarization(uri="sample", turns=turns, exclusive_turns=())))
    assert read_rttm(again) == {"sample": turns}
    assert (len(turns), turns[0]) == (10, SpeakerTurn(start=6.69, end=6.69 + 0.43, speaker="speaker90"))


def test_recordings_are_kept_apart_and_lines_of_other_types_passed_over(tmp_path):
    path = tmp_path / "two.rttm"
    path.write_text(
        ";; by hand\n\nSPKR-INFO b 1 <NA> <NA> <NA> unknown Ann <NA> <NA>\nSPEAKER b 1 2 1 <NA> <NA> Ann <NA>\n"
        "SPEAKER a 1 0 0.5 <NA> <NA> Bob <NA> <NA>\r\nSPEAKER b 1 0 1 <NA> <NA> Ann <NA> <NA>\n"
    )
    assert read_rttm(path) == {"b": turns_of((0, 1, "Ann"), (2, 3, "Ann")), "a": turns_of((0, 0.5, "Bob"))}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("SPEAKER a 1 soon 1 <NA> <NA> Ann <NA> <NA>", "the onset is not a time in seconds: 'soon'"),
        ("SPEAKER a 1 0 -1 <NA> <NA> Ann <NA> <NA>", "the duration is not a time in seconds: '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> Ann <NA> <NA>", "the onset is not a time in seconds: 'nan'"),
        ("SPEAKER a 1 0 1 <NA> <NA> Ann", "8 fields, not 10; names have no blanks"),
        ("SPEAKER a 1 0 1 <NA> <NA> Ann Lee <NA> <NA>", "11 fields, not 10; names have no blanks"),
        ("SPEAKER", "1 fields, not 10; names have no blanks"),
        ("0.0 1.0 Ann", "begins with '0.0', not with SPEAKER"),
    ],
)
def test_a_bad_line_is_reported_with_its_number(line, fault, tmp_path):
    path = tmp_path / "bad.rttm"
    path.write_text(f"SPEAKER a 1 0 1 <NA> <NA> Ann <NA> <NA>\n\n{line}\n")
    with pytest.raises(RttmError) as caught:
        read_rttm(path)
    assert caught.value.message == f"{path}, line 3: {fault}"
    assert caught.value.hint.startswith("an RTTM line reads: SPEAKER file 1 onset")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{} has no speaker turns"),
        (b"SPEAKER \xff 1 0 1 <NA> <NA> Ann <NA> <NA>", "{} is not text in UTF-8"),
        (None, "cannot read {}: No such file or directory"),
    ],
)
def test_a_file_without_turns_says_so(content, message, tmp_path):
    path = tmp_path / "turns.rttm"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RttmError) as caught:
        read_rttm(path)
    assert caught.value.message == message.format(path)


def test_exclusive_turns_of_the_sample_are_those_made_by_hand(sample):
    made = exclusive(read_rttm(sample / "sample.rttm")["sample"])
    by_hand = read_rttm(sample / "sample-exclusive.rttm")["sample"]
    assert [(round(t.start, 3), round(t.end, 3), t.speaker) for t in made] == [
        (round(t.start, 3), round(t.end, 3), t.speaker) for t in by_hand
    ]


def test_who_begins_takes_over_and_who_is_within_gives_way():
    turns = turns_of((0, 5, "A"), (4, 9, "B"), (6, 7, "A"), (8.5, 9, "C"), (9, 10, "A"))
    assert exclusive(turns) == turns_of((0, 4, "A"), (4, 9, "B"), (9, 10, "A"))


def test_of_two_who_speak_at_the_same_time_one_has_the_floor():
    assert exclusive(turns_of((0, 1, "B"), (0, 1, "A"))) == turns_of((0, 1, "A"))


def test_what_one_speaker_says_is_one_turn_where_it_touches():
    assert exclusive(turns_of((2, 3, "A"), (0, 2, "A"), (1, 1, "B"), (2.5, 4, "A"))) == turns_of((0, 4, "A"))


moments = st.integers(0, 50)


@given(st.lists(st.tuples(moments, moments, st.sampled_from("ABC")), max_size=12))
def test_exclusive_turns_never_overlap_and_leave_no_speech_out(triples):
    turns = turns_of(*((min(start, end), max(start, end), speaker) for start, end, speaker in triples))
    one_at_a_time = exclusive(turns)
    assert all(before.end <= after.start for before, after in pairwise(one_at_a_time))
    for second in range(50):
        heard = {turn.speaker for turn in turns if turn.start <= second < turn.end}
        floor = [turn.speaker for turn in one_at_a_time if turn.start <= second < turn.end]
        assert len(floor) == bool(heard)
        assert set(floor) <= heard
