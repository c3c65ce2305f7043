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


def test_the_speaker_heard_longest_in_all_wins_over_the_longest_turn():
    assert label([(0, 10)], [(0, 3, "A"), (3, 7, "B"), (7, 10, "A")]) == ["A"]


@pytest.mark.parametrize(("start", "middle", "end"), [(0, 1, 2), (0.2, 0.5, 0.8), (1.1, 1.4, 1.7), (3.1, 3.4, 3.7)])
def test_a_tie_between_turns_as_near_goes_to_the_earlier_wherever_it_happens(start, middle, end):
    assert label([(start, end)], [(start, middle, "B"), (middle, end, "A")]) == ["B"]


def test_only_exclusive_turns_count():
    turns = (SpeakerTurn(start=0, end=9, speaker="A"),)
    exclusive = (SpeakerTurn(start=0, end=9, speaker="B"),)
    transcript = Transcript(segments=(Segment(start=0, end=9, text="Hello"),))
    labelled = assign_speakers(transcript, Diarization(uri="talk", turns=turns, exclusive_turns=exclusive))
    assert labelled.segments[0].speaker == "B"
    assert labelled.uri == "talk"
    assert labelled.diarization.turns == turns


def test_nearness_is_measured_to_the_edge_and_not_to_the_middle():
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
def test_silence_goes_to_the_nearest_turn_within_reach(segment, speaker):
    assert label([segment], [(1, 1.1, "A"), (2.9, 4, "B")], reach=0.4) == [speaker]


@pytest.mark.parametrize("end", [0.5, 0.6, 1.7, 3.9, 15.6])
def test_the_reach_itself_is_within_reach(end):
    just_there, too_far = round(end + Rules().reach, 3), round(end + Rules().reach + 0.001, 3)
    assert label([(just_there, 20), (too_far, 20)], [(0, end, "A")]) == ["A", None]


@pytest.mark.parametrize(
    ("moment", "speaker"),
    [(5, "A"), (10, "A"), (15, "B"), (0, "A"), (20, "B"), (20.4, "B"), (21, None)],
    ids=["in A", "between A and B", "in B", "start of A", "end of B", "just after B", "long after B"],
)
def test_a_segment_without_length_belongs_to_the_turn_it_touches(moment, speaker):
    assert label([(moment, moment)], [(0, 10, "A"), (10, 20, "B")]) == [speaker]


def test_a_turn_without_length_says_nothing():
    assert label([(0, 2), (1, 1)], [(1, 1, "A")]) == [None, None]


def test_nobody_is_found_where_nobody_spoke():
    assert label([(0, 1), (5, 5)], []) == [None, None]
    assert label([], [(0, 1, "A")]) == []


def test_segments_may_overlap_and_come_in_any_order():
    turns = [(0, 4, "A"), (4, 8, "B"), (8, 20, "C")]
    assert label([(9, 10), (0, 20), (5, 6), (1, 5), (1, 2)], turns) == ["C", "C", "B", "A", "A"]


def test_the_sample_is_labelled_as_its_transcript_says(sample, labelled_sample):
    transcribed_by = [line.split()[2] for line in (sample / "sample.stm").read_text().splitlines()]
    names = {"Diane": "SPEAKER_00", "Sheila": "SPEAKER_01"}
    assert [segment.speaker for segment in labelled_sample.segments] == [names[name] for name in transcribed_by]


def test_a_hundred_thousand_spans_are_no_trouble():
    count = 50_000
    turns = [(second, second + 0.9, str(second % 3)) for second in range(count)]
    segments = [(second + 0.1, second + 1.2) for second in reversed(range(count))]
    assert label(segments, turns) == [str(second % 3) for second in reversed(range(count))]


# Times are in whole milliseconds here, so that the oracle can count instead of measure; on a coarse grid, so that
# ties are many.
milliseconds = st.integers(0, 30).map(lambda tenths: tenths * 100)
spans = st.lists(st.tuples(st.integers(0, 300).map(lambda tenths: tenths * 100), milliseconds), max_size=12)
gaps_and_turns = st.lists(st.tuples(milliseconds, milliseconds, st.sampled_from("ABC")), max_size=20)
offsets = st.integers(0, 24 * 3600 * 1000)


def laid_out(gaps_and_turns):
    now, turns = 0, []
    for gap, length, speaker in gaps_and_turns:
        turns.append((now + gap, now + gap + length, speaker))
        now += gap + length
    return turns


def speaker_by_counting(start, end, turns, reach):
    def preference(turn):
        return abs(turn[0] + turn[1] - start - end), turn[0], turn[2]

    turns = [turn for turn in turns if turn[1] > turn[0]]
    heard = {}
    for turn_start, turn_end, speaker in turns:
        overlap = min(end, turn_end) - max(start, turn_start)
        if overlap > 0 or turn_start < start == end < turn_end:
            heard[speaker] = heard.get(speaker, 0) + overlap
    if heard:
        best = [speaker for speaker in heard if heard[speaker] == max(heard.values())]
        touching = [turn for turn in turns if turn[2] in best and turn[0] < end and turn[1] > start]
        return min(touching, key=preference)[2]
    gaps = [max(0, turn_start - end, start - turn_end) for turn_start, turn_end, _ in turns]
    if not gaps or min(gaps) > reach:
        return None
    return min((turn for turn, gap in zip(turns, gaps, strict=True) if gap == min(gaps)), key=preference)[2]


@given(spans, gaps_and_turns, milliseconds, offsets)
def test_the_label_is_the_one_that_counting_every_pair_finds(spans, gaps_and_turns, reach, offset):
    turns = [(offset + start, offset + end, speaker) for start, end, speaker in laid_out(gaps_and_turns)]
    segments = [(offset + start, offset + start + length) for start, length in spans]
    in_seconds = (
        [(start / 1000, end / 1000) for start, end in segments],
        [(start / 1000, end / 1000, speaker) for start, end, speaker in turns],
    )
    expected = [speaker_by_counting(start, end, turns, reach) for start, end in segments]
    assert label(*in_seconds, reach=reach / 1000) == expected


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10), st.text(max_size=5))), gaps_and_turns)
def test_no_segment_is_lost_moved_or_reworded(segments, gaps_and_turns):
    segments = tuple(Segment(start=start, end=start + length, text=text) for start, length, text in segments)
    turns = tuple(
        SpeakerTurn(start=start / 1000, end=end / 1000, speaker=speaker)
        for start, end, speaker in laid_out(gaps_and_turns)
    )
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=turns)
    labelled = assign_speakers(Transcript(segments=segments), diarization)
    assert [(s.start, s.end, s.text) for s in labelled.segments] == [(s.start, s.end, s.text) for s in segments]
    assert {segment.speaker for segment in labelled.segments} <= {*diarization.speakers, None}
