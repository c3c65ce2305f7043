"""Speaker turns and speaker names."""

import pytest

from diarize_runner.diarization.turns import SpeakerTurn, rename_by_first_appearance


def turn(start: float, end: float, speaker: str) -> SpeakerTurn:
    return SpeakerTurn(start=start, end=end, speaker=speaker)


def test_the_first_speaker_is_named_speaker_00():
    found = rename_by_first_appearance("call", [turn(5, 6, "a"), turn(1, 2, "z"), turn(7, 8, "z")], [])
    assert [(each.start, each.speaker) for each in found.turns] == [
        (1, "SPEAKER_00"),
        (5, "SPEAKER_01"),
        (7, "SPEAKER_00"),
    ]


def test_turns_and_exclusive_turns_use_the_same_names():
    found = rename_by_first_appearance(
        "call", [turn(0, 3, "b"), turn(2, 4, "a")], [turn(2.5, 4, "a"), turn(0, 2.5, "b")]
    )
    assert [each.speaker for each in found.exclusive_turns] == ["SPEAKER_00", "SPEAKER_01"]


def test_cluster_numbers_do_not_affect_names():
    turns = [turn(0, 1, "0"), turn(1, 2, "1"), turn(0.5, 2.5, "2")]
    renumbered = [turn(each.start, each.end, {"0": "2", "1": "0", "2": "1"}[each.speaker]) for each in turns]
    assert rename_by_first_appearance("call", turns, turns) == rename_by_first_appearance(
        "call", renumbered, renumbered
    )


def test_speakers_are_listed_once_each():
    found = rename_by_first_appearance("call", [turn(0, 1, "x"), turn(1, 2, "y"), turn(2, 3, "x")], [])
    assert found.speakers == ("SPEAKER_00", "SPEAKER_01")


def test_silence_has_no_speakers():
    assert rename_by_first_appearance("silence", [], []).speakers == ()


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-1, 1), (float("nan"), 1)])
def test_a_turn_that_runs_backwards_is_refused(start, end):
    with pytest.raises(ValueError, match="a speaker turn cannot run"):
        turn(start, end, "a")
