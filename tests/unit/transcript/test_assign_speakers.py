import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.model import Segment, Transcript
from diarize_runner.transcript.rules import Rules


def label(segments, turns, **rules):
    """Label (start, end) pairs with (start, end, speaker) triples; return the speakers."""
    transcript = Transcript(segments=tuple(Segment(start=start, end=end, text="") for start, end in segments))
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    labelled = assign_speakers(transcript, Diarization(uri="talk", turns=(), exclusive_turns=turns), Rules(**rules))
    return [segment.speaker for segment in labelled.segments]


def test_total_overlap_wins_over_the_longest_turn():
    assert label([(0, 10)], [(0, 3, "A"), (3, 7, "B"), (7, 10, "A")]) == ["A"]


@pytest.mark.parametrize(("start", "middle", "end"), [(0, 1, 2), (0.2, 0.5, 0.8), (1.1, 1.4, 1.7), (3.1, 3.4, 3.7)])
def test_a_tie_goes_to_the_earlier_turn_at_any_time(start, middle, end):
    assert label([(start, end)], [(start, middle, "B"), (middle, end, "A")]) == ["B"]


def test_only_exclusive_turns_give_labels():
    turns = (SpeakerTurn(start=0, end=9, speaker="A"),)
    exclusive = (SpeakerTurn(start=0, end=9, speaker="B"),)
    transcript = Transcript(segments=(Segment(start=0, end=9, text="Hello"),))
    labelled = assign_speakers(transcript, Diarization(uri="talk", turns=turns, exclusive_turns=exclusive))
    assert labelled.segments[0].speaker == "B"
    assert labelled.uri == "talk"
    assert labelled.diarization.turns == turns


def test_distance_is_to_the_edge_of_a_turn_not_to_its_centre():
    assert label([(100.2, 100.4)], [(0, 100, "A"), (103, 104, "B")]) == ["A"]


@pytest.mark.parametrize(
    ("segment", "speaker"),
    [
        ((1.5, 1.9), "A"),
        ((2.1, 2.5), "B"),
        ((1.5, 2.5), "A"),
        ((1.6, 1.7), None),
        ((0.1, 0.5), None),
        ((4.6, 9.9), None),
    ],
    ids=["after A", "before B", "as near to both", "too far from both", "before all", "after all"],
)
def test_a_segment_in_silence_goes_to_the_nearest_turn_within_reach(segment, speaker):
    assert label([segment], [(1, 1.1, "A"), (2.9, 4, "B")], reach=0.4) == [speaker]


@pytest.mark.parametrize("end", [0.5, 0.6, 1.7, 3.9, 15.6])
def test_reach_is_inclusive(end):
    within, beyond = round(end + Rules().reach, 3), round(end + Rules().reach + 0.001, 3)
    assert label([(within, 20), (beyond, 20)], [(0, end, "A")]) == ["A", None]


@pytest.mark.parametrize(
    ("moment", "speaker"),
    [(5, "A"), (10, "A"), (15, "B"), (0, "A"), (20, "B"), (20.4, "B"), (21, None)],
    ids=["in A", "between A and B", "in B", "start of A", "end of B", "just after B", "long after B"],
)
def test_a_segment_of_zero_length_goes_to_the_turn_it_touches(moment, speaker):
    assert label([(moment, moment)], [(0, 10, "A"), (10, 20, "B")]) == [speaker]


def test_a_turn_of_zero_length_is_ignored():
    assert label([(0, 2), (1, 1)], [(1, 1, "A")]) == [None, None]


def test_a_segment_far_from_all_turns_has_no_speaker():
    assert label([(0, 1), (5, 5)], []) == [None, None]
    assert label([], [(0, 1, "A")]) == []


def test_segments_may_overlap_and_come_in_any_order():
    turns = [(0, 4, "A"), (4, 8, "B"), (8, 20, "C")]
    assert label([(9, 10), (0, 20), (5, 6), (1, 5), (1, 2)], turns) == ["C", "C", "B", "A", "A"]


def test_the_sample_is_labelled_as_its_transcript(sample, labelled_sample):
    reference = [line.split()[2] for line in (sample / "sample.stm").read_text().splitlines()]
    names = {"Diane": "SPEAKER_00", "Sheila": "SPEAKER_01"}
    assert [segment.speaker for segment in labelled_sample.segments] == [names[name] for name in reference]


def test_a_hundred_thousand_spans_are_labelled_quickly():
    count = 50_000
    turns = [(second, second + 0.9, str(second % 3)) for second in range(count)]
    segments = [(second + 0.1, second + 1.2) for second in reversed(range(count))]
    assert label(segments, turns) == [str(second % 3) for second in reversed(range(count))]


# Times are in whole milliseconds here, so that the oracle can count; and on a coarse grid, so that ties are frequent.
milliseconds = st.integers(0, 30).map(lambda tenths: tenths * 100)
spans = st.lists(st.tuples(st.integers(0, 300).map(lambda tenths: tenths * 100), milliseconds), max_size=12)
turn_layouts = st.lists(st.tuples(milliseconds, milliseconds, st.sampled_from("ABC")), max_size=20)
offsets = st.integers(0, 24 * 3600 * 1000)


def lay_out(turn_layouts):
    now, turns = 0, []
    for gap, length, speaker in turn_layouts:
        turns.append((now + gap, now + gap + length, speaker))
        now += gap + length
    return turns


def find_speaker_by_brute_force(start, end, turns, reach):
    def preference(turn):
        return abs(turn[0] + turn[1] - start - end), turn[0], turn[2]

    turns = [turn for turn in turns if turn[1] > turn[0]]
    overlaps = {}
    for turn_start, turn_end, speaker in turns:
        overlap = min(end, turn_end) - max(start, turn_start)
        if overlap > 0 or turn_start < start == end < turn_end:
            overlaps[speaker] = overlaps.get(speaker, 0) + overlap
    if overlaps:
        best = [speaker for speaker in overlaps if overlaps[speaker] == max(overlaps.values())]
        touching = [turn for turn in turns if turn[2] in best and turn[0] < end and turn[1] > start]
        return min(touching, key=preference)[2]
    gaps = [max(0, turn_start - end, start - turn_end) for turn_start, turn_end, _ in turns]
    if not gaps or min(gaps) > reach:
        return None
    return min((turn for turn, gap in zip(turns, gaps, strict=True) if gap == min(gaps)), key=preference)[2]


@given(spans, turn_layouts, milliseconds, offsets)
def test_labels_match_a_brute_force_oracle(spans, turn_layouts, reach, offset):
    turns = [(offset + start, offset + end, speaker) for start, end, speaker in lay_out(turn_layouts)]
    segments = [(offset + start, offset + start + length) for start, length in spans]
    in_seconds = (
        [(start / 1000, end / 1000) for start, end in segments],
        [(start / 1000, end / 1000, speaker) for start, end, speaker in turns],
    )
    expected = [find_speaker_by_brute_force(start, end, turns, reach) for start, end in segments]
    assert label(*in_seconds, reach=reach / 1000) == expected


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10), st.text(max_size=5))), turn_layouts)
def test_labelling_keeps_order_times_and_texts_of_segments(segments, turn_layouts):
    segments = tuple(Segment(start=start, end=start + length, text=text) for start, length, text in segments)
    turns = tuple(
        SpeakerTurn(start=start / 1000, end=end / 1000, speaker=speaker)
        for start, end, speaker in lay_out(turn_layouts)
    )
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=turns)
    labelled = assign_speakers(Transcript(segments=segments), diarization)
    assert [(s.start, s.end, s.text) for s in labelled.segments] == [(s.start, s.end, s.text) for s in segments]
    assert {segment.speaker for segment in labelled.segments} <= {*diarization.speakers, None}
