"""The speaker of each word, and the splits of segments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dialogues import GOOD, POOR, USUAL, dialogue
from support.word_errors import cpwer, wder

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.model import Attribution, Segment, Transcript, Word
from diarize_runner.transcript.read import read
from diarize_runner.transcript.rules import Rules, SmoothingLimits, SplitThresholds

NO_SPLIT, SPLIT_EVERYWHERE = Rules(split=None), Rules(split=SplitThresholds(share=0.0, seconds=0.0, words=1))


def make_turns(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def make_segment(*words, text=None, start=None, end=None):
    """Return a segment of (start, end, text) triples; a fourth value marks the times as interpolated."""
    words = tuple(Word(start=a, end=b, text=t, interpolated=bool(rest)) for a, b, t, *rest in words)
    text = "".join(word.text for word in words) if text is None else text
    start, end = words[0].start if start is None else start, words[-1].end if end is None else end
    return Segment(start=start, end=end, text=text, words=words)


def assign(segment, exclusive, rules=Rules(), turns=None):  # noqa: B008  # frozen
    diarization = Diarization(
        uri="talk", turns=make_turns(*(turns or exclusive)), exclusive_turns=make_turns(*exclusive)
    )
    return assign_speakers(Transcript(segments=(segment,)), diarization, rules).segments


def word_speakers(segments):
    return [word.speaker for segment in segments for word in segment.words]


def make_timed_segment(text, speaker_changes_at=3):
    """Return a segment with one word a second, and two turns that meet at `speaker_changes_at`."""
    words = text.split(" ")
    segment = make_segment(*((second, second + 0.9, f" {word}") for second, word in enumerate(words)))
    return segment, [(0, speaker_changes_at, "A"), (speaker_changes_at, len(words), "B")]


def test_a_word_goes_to_the_speaker_with_most_overlap():
    assert word_speakers(assign(make_segment((0, 1, "Oh")), [(0, 0.4, "A"), (0.4, 9, "B")])) == ["B"]


def test_a_tie_goes_to_the_speaker_of_the_previous_word():
    words = make_segment((4, 4.8, " so"), (4.9, 5.1, " he"), (5.2, 6, " went"))
    assert word_speakers(assign(words, [(0, 5, "A"), (5, 7, "B")])) == ["A", "A", "B"]
    assert word_speakers(assign(words, [(0, 3, "B"), (3, 4.85, "B"), (4.9, 5, "A"), (5, 7, "B")])) == ["B", "B", "B"]


def test_a_tie_without_a_previous_word_goes_to_the_nearest_turn_centre():
    assert word_speakers(assign(make_segment((4.9, 5.1, "he")), [(0, 5, "A"), (5, 7, "B")])) == ["B"]
    assert word_speakers(assign(make_segment((4.9, 5.1, "he")), [(3, 5, "B"), (5, 9, "A")])) == ["B"]


def test_only_the_first_second_of_a_word_counts():
    long_word = make_segment((0, 4, "yes"))
    assert word_speakers(assign(long_word, [(0, 0.9, "A"), (1.1, 9, "B")])) == ["A"]
    assert word_speakers(assign(long_word, [(0, 0.9, "A"), (1.1, 9, "B")], Rules(longest_word=4.0))) == ["B"]
    assert assign(long_word, [(0, 9, "A")])[0].words[0].end == 4


def test_a_word_has_the_attribution_of_its_speaker():
    words = make_segment((0, 1, "I"), (1.5, 2.5, " see"), (4.1, 4.3, " you"), (8, 9, " now"))
    (segment,) = assign(words, [(0, 2, "A"), (3, 4, "B")], NO_SPLIT, [(0, 2, "A"), (0.5, 0.6, "C"), (1.4, 4, "B")])
    assert [(word.speaker, word.attribution) for word in segment.words] == [
        ("A", Attribution(how="overlap", share=1.0, also=("C",))),
        ("A", Attribution(how="overlap", share=0.5, also=("B",))),
        ("B", Attribution(how="nearest")),
        (None, Attribution(how="none")),
    ]


def test_other_speakers_are_sorted_by_overlap():
    turns = [(0, 9, "A"), (1, 2, "B"), (1, 4, "C"), (5, 7, "B"), (5, 6, "D")]
    (segment,) = assign(Segment(start=0, end=9, text="Well"), [(0, 9, "A")], turns=turns)
    assert segment.attribution == Attribution(how="overlap", share=1.0, also=("B", "C", "D"))


def test_a_segment_goes_to_the_speaker_of_most_word_time_without_pauses():
    segment = make_segment((0, 0.5, "I"), (0.5, 1.0, " mean"), (9, 9.6, " no"), end=10)
    (labelled,) = assign(segment, [(0, 1, "A"), (1, 8, "B"), (9, 10, "B")], NO_SPLIT)
    assert (labelled.speaker, word_speakers([labelled])) == ("A", ["A", "A", "B"])
    assert labelled.attribution == Attribution(how="overlap", share=1.0 / 1.6, also=("B",))


def test_a_segment_in_silence_goes_to_the_speaker_near_its_words():
    segment = make_segment((0, 0, "I"), (2.1, 2.2, " mean"), (9, 9, " no"))
    (labelled,) = assign(segment, [(2.3, 3, "A")])
    assert (labelled.speaker, word_speakers([labelled])) == ("A", [None, "A", None])
    assert labelled.attribution.how == "nearest"


def test_a_segment_is_split_where_its_speaker_changes():
    segment, turns = make_timed_segment("How are you? I am well.")
    first, second = assign(segment, turns)
    assert (first.start, first.end, first.text, first.speaker) == (0, 2.9, " How are you?", "A")
    assert (second.start, second.end, second.text, second.speaker) == (3, 5.9, " I am well.", "B")
    assert word_speakers([first, second]) == ["A", "A", "A", "B", "B", "B"]


def test_pieces_extend_to_the_edges_of_the_segment():
    words = [(1, 1.9, "How"), (2, 2.9, "now?"), (3, 3.9, "So"), (4, 4.9, "so.")]
    segment = make_segment(*words, text="How now? So so.", start=0, end=9)
    first, second = assign(segment, [(0, 3, "A"), (3, 5, "B")])
    assert (first.start, first.end, second.start, second.end) == (0, 2.9, 3, 9)
    assert (first.text, second.text) == ("How now?", " So so.")


@pytest.mark.parametrize(
    ("change", "thresholds"),
    [
        (1, SplitThresholds(share=0.0, seconds=0.0, words=2)),
        (1, SplitThresholds(share=0.0, seconds=1.0, words=1)),
        (1, SplitThresholds(share=0.2, seconds=0.0, words=1)),
        (5, SplitThresholds(share=0.0, seconds=0.0, words=2)),
    ],
    ids=["too few words", "too short", "too small a share", "too few words at the end"],
)
def test_a_piece_below_a_threshold_joins_its_neighbour(change, thresholds):
    segment, turns = make_timed_segment("How are you? I am well.", change)
    (whole,) = assign(segment, turns, Rules(split=thresholds))
    assert whole.text == segment.text
    assert len(set(word_speakers([whole]))) == 2
    assert len(assign(segment, turns, SPLIT_EVERYWHERE)) == 2


def test_the_share_counts_all_pieces_of_a_speaker():
    segment, _ = make_timed_segment("a b c d e f g h i j k l")
    turns = [(0, 2, "B"), (2, 5, "A"), (5, 7, "B"), (7, 12, "A")]
    assert [piece.speaker for piece in assign(segment, turns, Rules(split=SplitThresholds(share=0.3)))] == [*"BABA"]
    assert len(assign(segment, turns, Rules(split=SplitThresholds(share=0.4)))) == 1


def test_a_small_run_between_two_speakers_joins_the_longer():
    segment, _ = make_timed_segment("a b c d e f")
    turns = [(0, 2, "A"), (2, 3, "B"), (3, 6, "C")]
    assert [piece.text for piece in assign(segment, turns)] == [" a b", " c d e f"]
    turns = [(0, 3, "A"), (3, 4, "B"), (4, 6, "C")]
    assert [piece.text for piece in assign(segment, turns)] == [" a b c d", " e f"]


def test_a_short_run_within_one_speaker_does_not_split():
    segment, _ = make_timed_segment("I have never been to New Jersey")
    (whole,) = assign(segment, [(0, 3, "A"), (3, 4, "B"), (4, 8, "A")])
    assert (whole.speaker, word_speakers([whole])) == ("A", [*"AAABAAA"])


def test_interpolated_words_do_not_count_for_a_piece():
    words = [(0, 1, "a"), (1, 2, " b"), (2, 3, " c", "interpolated"), (3, 4, " d", "interpolated")]
    turns = [(0, 2, "A"), (2, 4, "B")]
    assert len(assign(make_segment(*words), turns)) == 1
    assert len(assign(make_segment(*(word[:3] for word in words)), turns)) == 2


def test_a_segment_without_words_is_not_split():
    assert len(assign(Segment(start=0, end=9, text="How? So."), [(0, 4, "A"), (4, 9, "B")])) == 1


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ('Well," he said. "I know."', ['Well," he said.', ' "I know."']),
        ("Well he said — I know", ["Well he said", " — I know"]),
        ("Well he never said I know", None),
        ("Well I he said know", None),
        ("Well he said I know it", None),
    ],
    ids=["quotation marks", "a dash", "a word too many", "another order", "more than the words"],
)
def test_a_text_is_split_only_if_its_words_match(text, pieces):
    words = [(second, second + 0.9, word) for second, word in enumerate(["Well", "he", "said", "I", "know"])]
    found = assign(make_segment(*words, text=text), [(0, 3, "A"), (3, 5, "B")], SPLIT_EVERYWHERE)
    assert [piece.text for piece in found] == (pieces or [text])


def test_a_text_without_spaces_is_split_between_characters():
    words = [(second, second + 0.9, word) for second, word in enumerate("你好吗我好")]
    found = assign(make_segment(*words, text="你好吗!我好。"), [(0, 3, "A"), (3, 5, "B")])
    assert [piece.text for piece in found] == ["你好吗!", "我好。"]


def test_words_that_go_back_in_time_are_not_split():
    words = [(5, 5.9, "a"), (6, 6.9, " b"), (1, 1.9, " c"), (0, 0.9, " d")]
    (whole,) = assign(make_segment(*words, start=0, end=9), [(0, 3, "A"), (3, 9, "B")], SPLIT_EVERYWHERE)
    assert word_speakers([whole]) == ["B", "B", "A", "A"]


@pytest.mark.long
def test_a_segment_of_the_whole_recording_is_split():
    count = 30_000
    segment = make_segment(*((second, second + 0.9, f" {second}") for second in range(count)))
    turns = [(second, second + 1, "AB"[second // 3 % 2]) for second in range(count)]
    assert len(assign(segment, turns)) == count / 3
    assert len(assign(segment, turns, Rules(split=SplitThresholds(words=4), smooth=SmoothingLimits()))) == 1


def test_smoothing_gives_a_word_within_a_sentence_to_the_speaker_around_it():
    segment, _ = make_timed_segment("I have never. Been to New Jersey")
    turns = [(0, 1, "A"), (1, 2, "B"), (2, 4, "A"), (4, 5, "B"), (5, 9, "A")]
    smooth = Rules(split=None, smooth=SmoothingLimits())
    (labelled,) = assign(segment, turns, smooth)
    assert word_speakers([labelled]) == [*"AAAAAAA"]
    assert labelled.words[1].attribution == Attribution(how="smoothed", also=("B",))
    assert word_speakers(assign(segment, turns, NO_SPLIT)) == [*"ABAABAA"]


@pytest.mark.parametrize(
    "turns",
    [
        [(0, 2, "A"), (2, 3, "B"), (3, 9, "A")],
        [(0, 3, "A"), (3, 4, "B"), (4, 9, "A")],
        [(0, 4, "A"), (4, 7, "B"), (7, 9, "A")],
        [(0, 4, "A"), (4, 5, "B"), (5, 9, "C")],
    ],
    ids=["at a sentence's end", "at a sentence's start", "too long", "between two speakers"],
)
def test_smoothing_changes_no_other_words(turns):
    segment, _ = make_timed_segment("I have never. Been to New Jersey in my life")
    unsmoothed = assign(segment, turns, NO_SPLIT)
    assert assign(segment, turns, Rules(split=None, smooth=SmoothingLimits())) == unsmoothed


def test_the_sample_as_one_segment_is_split_at_its_lines(sample, sample_diarization):
    lines = read(sample / "sample.stm").segments
    timed = [word for line in lines for word in time_words(line)]
    one = Segment(start=0, end=30, text=" ".join(line.text for line in lines), words=tuple(timed))
    by_line = assign_speakers(Transcript(segments=lines), sample_diarization)
    together = assign_speakers(Transcript(segments=(one,)), sample_diarization, SPLIT_EVERYWHERE)
    truth = [segment.speaker for segment in by_line.segments for _ in segment.text.split()]
    found = [piece.speaker for piece in together.segments for _ in piece.words]
    assert wder(truth, found) == pytest.approx(5 / 81)  # its word times are estimates
    assert "".join(piece.text for piece in together.segments) == one.text


def time_words(line):
    """Return the words of a line, timed by number of characters."""
    texts = line.text.split()
    step = (line.end - line.start) / sum(map(len, texts))
    ends = [sum(map(len, texts[: index + 1])) * step for index in range(len(texts))]
    starts = [0.0, *ends[:-1]]
    return [
        Word(start=line.start + start, end=line.start + end, text=text)
        for text, start, end in zip(texts, starts, ends, strict=True)
    ]


def word_error_rate(quality, rules):
    """Return the WDER over eight dialogues, by the speakers of pieces."""
    wrong = total = 0
    for seed in range(8):
        example = dialogue(seed, quality)
        labelled = assign_speakers(example.transcript, example.diarization, rules)
        found = [piece.speaker for piece in labelled.segments for _ in piece.words]
        wrong += wder(example.speakers, found) * len(found)
        total += len(found)
    return wrong / total


@pytest.mark.parametrize("quality", [GOOD, USUAL, POOR], ids=["good", "usual", "poor"])
def test_splits_with_thresholds_have_fewer_errors_than_whole_segments(quality):
    assert word_error_rate(quality, Rules()) < 0.7 * word_error_rate(quality, NO_SPLIT)


@pytest.mark.parametrize("quality", [USUAL, POOR], ids=["usual", "poor"])
def test_splits_with_thresholds_have_fewer_errors_than_splits_everywhere(quality):
    assert word_error_rate(quality, Rules()) < word_error_rate(quality, SPLIT_EVERYWHERE)


def test_wder_counts_words_under_the_best_mapping():
    assert wder(["a", "a", "b", "b"], ["X", "X", "Y", None]) == 0.25
    assert wder(["a", "b", "c"], ["X", "X", "X"]) == pytest.approx(2 / 3)


def test_cpwer_counts_edits_under_the_best_mapping():
    truth = {"a": ["so", "he", "went"], "b": ["no"]}
    assert cpwer(truth, {"X": ["no"], "Y": ["so", "he", "went"]}) == 0
    assert cpwer(truth, {"X": ["so", "he", "went", "no"]}) == 0.5
    assert cpwer(truth, {"X": ["so", "went"], "Y": ["no"], "Z": ["he"]}) == 0.5


tenths = st.integers(0, 200).map(lambda tenth: tenth / 10)
lengths = st.integers(0, 30).map(lambda tenth: tenth / 10)
words = st.tuples(tenths, lengths, st.text(st.characters(codec="utf-8"), max_size=4), st.booleans())
turns = st.lists(st.tuples(lengths, lengths, st.sampled_from("ABC")), max_size=12)
rules = st.builds(
    Rules,
    split=st.sampled_from([None, SplitThresholds(), SPLIT_EVERYWHERE.split]),
    smooth=st.sampled_from([None, SmoothingLimits()]),
    longest_word=st.sampled_from([0.0, 1.0, 99.0]),
)


def lay_out(gaps_and_lengths):
    time, turns = 0.0, []
    for gap, length, speaker in gaps_and_lengths:
        turns.append(SpeakerTurn(start=time + gap, end=time + gap + length, speaker=speaker))
        time += gap + length
    return tuple(turns)


@st.composite
def transcripts(draw):
    segments = []
    for drawn in draw(st.lists(st.lists(words, max_size=8), max_size=4)):
        own = tuple(Word(start=a, end=a + b, text=text, interpolated=guessed) for a, b, text, guessed in drawn)
        start, length = draw(tenths), draw(lengths)
        text = draw(st.sampled_from(["".join(word.text for word in own), " ".join(word.text for word in own), "Hm."]))
        segments.append(Segment(start=start, end=start + length, text=text, words=own))
    return Transcript(segments=tuple(segments))


def shift(transcript, seconds):
    def shift_word(word):
        return Word(start=word.start + seconds, end=word.end + seconds, text=word.text, interpolated=word.interpolated)

    return Transcript(
        segments=tuple(
            Segment(
                start=each.start + seconds,
                end=each.end + seconds,
                text=each.text,
                words=tuple(map(shift_word, each.words)),
            )
            for each in transcript.segments
        )
    )


@given(transcripts(), turns, rules)
def test_labelling_keeps_each_word_once_with_its_time_and_text(transcript, turns, rules):
    exclusive = lay_out(turns)
    diarization = Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive)
    labelled = assign_speakers(transcript, diarization, rules).segments
    assert [word_key(word) for piece in labelled for word in piece.words] == [
        word_key(word) for segment in transcript.segments for word in segment.words
    ]
    assert "".join(piece.text for piece in labelled) == "".join(segment.text for segment in transcript.segments)
    assert {piece.speaker for piece in labelled} <= {*diarization.speakers, None}
    assert all(0.0 <= each.attribution.share <= 1.0 for piece in labelled for each in (piece, *piece.words))


def word_key(word):
    return word.start, word.end, word.text, word.interpolated


@given(transcripts(), turns, rules, st.integers(0, 100_000))
def test_labels_do_not_depend_on_the_start_time(transcript, turns, rules, seconds):
    exclusive = lay_out(turns)
    later = tuple(
        SpeakerTurn(start=turn.start + seconds, end=turn.end + seconds, speaker=turn.speaker) for turn in exclusive
    )
    now = assign_speakers(transcript, Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive), rules)
    then = assign_speakers(
        shift(transcript, seconds), Diarization(uri="talk", turns=later, exclusive_turns=later), rules
    )
    assert list_labels(now) == list_labels(then)


def list_labels(labelled):
    return [
        (each.speaker, each.attribution, each.text) for piece in labelled.segments for each in (piece, *piece.words)
    ]


@given(transcripts(), turns, rules, st.randoms(use_true_random=False))
def test_labels_do_not_depend_on_the_order_of_turns(transcript, turns, rules, random):
    exclusive = lay_out(turns)
    shuffled = random.sample(exclusive, len(exclusive))
    one = assign_speakers(transcript, Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive), rules)
    two = assign_speakers(
        transcript, Diarization(uri="talk", turns=tuple(shuffled), exclusive_turns=tuple(shuffled)), rules
    )
    assert list_labels(one) == list_labels(two)
