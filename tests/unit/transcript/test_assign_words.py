"""Who said each word, and where a segment is split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dialogues import GOOD, POOR, USUAL, dialogue
from support.word_errors import cpwer, wder

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.model import Attribution, Segment, Transcript, Word
from diarize_runner.transcript.read import read
from diarize_runner.transcript.rules import Guards, Island, Rules

WHOLE, ANYWHERE = Rules(split=None), Rules(split=Guards(share=0.0, seconds=0.0, words=1))


def turns_of(*triples):
    return tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in triples)


def segment_of(*words, text=None, start=None, end=None):
    """A segment of (start, end, text) triples; a fourth value says that the times are interpolated."""
    words = tuple(Word(start=a, end=b, text=t, interpolated=bool(rest)) for a, b, t, *rest in words)
    text = "".join(word.text for word in words) if text is None else text
    start, end = words[0].start if start is None else start, words[-1].end if end is None else end
    return Segment(start=start, end=end, text=text, words=words)


def assigned(segment, exclusive, rules=Rules(), turns=None):  # noqa: B008  # frozen
    diarization = Diarization(uri="talk", turns=turns_of(*(turns or exclusive)), exclusive_turns=turns_of(*exclusive))
    return assign_speakers(Transcript(segments=(segment,)), diarization, rules).segments


def speakers(segments):
    return [word.speaker for segment in segments for word in segment.words]


def every_second(text, speaker_changes_at=3):
    """A word a second, and turns that change after so many."""
    words = text.split(" ")
    segment = segment_of(*((second, second + 0.9, f" {word}") for second, word in enumerate(words)))
    return segment, [(0, speaker_changes_at, "A"), (speaker_changes_at, len(words), "B")]


def test_a_word_between_two_speakers_is_of_the_one_heard_longer():
    assert speakers(assigned(segment_of((0, 1, "Oh")), [(0, 0.4, "A"), (0.4, 9, "B")])) == ["B"]


def test_a_word_of_equals_is_of_the_one_who_said_the_word_before():
    words = segment_of((4, 4.8, " so"), (4.9, 5.1, " he"), (5.2, 6, " went"))
    assert speakers(assigned(words, [(0, 5, "A"), (5, 7, "B")])) == ["A", "A", "B"]
    assert speakers(assigned(words, [(0, 3, "B"), (3, 4.85, "B"), (4.9, 5, "A"), (5, 7, "B")])) == ["B", "B", "B"]


def test_a_word_of_equals_is_else_of_the_one_whose_turn_is_nearer():
    assert speakers(assigned(segment_of((4.9, 5.1, "he")), [(0, 5, "A"), (5, 7, "B")])) == ["B"]
    assert speakers(assigned(segment_of((4.9, 5.1, "he")), [(3, 5, "B"), (5, 9, "A")])) == ["B"]


def test_the_silence_that_a_word_goes_on_through_does_not_count():
    overlong = segment_of((0, 4, "yes"))
    assert speakers(assigned(overlong, [(0, 0.9, "A"), (1.1, 9, "B")])) == ["A"]
    assert speakers(assigned(overlong, [(0, 0.9, "A"), (1.1, 9, "B")], Rules(longest_word=4.0))) == ["B"]
    assert assigned(overlong, [(0, 9, "A")])[0].words[0].end == 4


def test_a_word_says_how_its_speaker_was_found():
    words = segment_of((0, 1, "I"), (1.5, 2.5, " see"), (4.1, 4.3, " you"), (8, 9, " now"))
    (segment,) = assigned(words, [(0, 2, "A"), (3, 4, "B")], WHOLE, [(0, 2, "A"), (0.5, 0.6, "C"), (1.4, 4, "B")])
    assert [(word.speaker, word.attribution) for word in segment.words] == [
        ("A", Attribution(how="overlap", share=1.0, also=("C",))),
        ("A", Attribution(how="overlap", share=0.5, also=("B",))),
        ("B", Attribution(how="nearest")),
        (None, Attribution(how="none")),
    ]


def test_others_are_named_by_how_long_they_are_heard():
    turns = [(0, 9, "A"), (1, 2, "B"), (1, 4, "C"), (5, 7, "B"), (5, 6, "D")]
    (segment,) = assigned(Segment(start=0, end=9, text="Well"), [(0, 9, "A")], turns=turns)
    assert segment.attribution == Attribution(how="overlap", share=1.0, also=("B", "C", "D"))


def test_a_segment_is_of_the_one_who_has_most_of_its_words_and_not_of_its_pauses():
    segment = segment_of((0, 0.5, "I"), (0.5, 1.0, " mean"), (9, 9.6, " no"), end=10)
    (labelled,) = assigned(segment, [(0, 1, "A"), (1, 8, "B"), (9, 10, "B")], WHOLE)
    assert (labelled.speaker, speakers([labelled])) == ("A", ["A", "A", "B"])
    assert labelled.attribution == Attribution(how="overlap", share=1.0 / 1.6, also=("B",))


def test_a_segment_whose_words_are_near_somebody_is_of_that_one():
    segment = segment_of((0, 0, "I"), (2.1, 2.2, " mean"), (9, 9, " no"))
    (labelled,) = assigned(segment, [(2.3, 3, "A")])
    assert (labelled.speaker, speakers([labelled])) == ("A", [None, "A", None])
    assert labelled.attribution.how == "nearest"


def test_a_segment_is_split_where_its_speaker_changes():
    segment, turns = every_second("How are you? I am well.")
    first, second = assigned(segment, turns)
    assert (first.start, first.end, first.text, first.speaker) == (0, 2.9, " How are you?", "A")
    assert (second.start, second.end, second.text, second.speaker) == (3, 5.9, " I am well.", "B")
    assert speakers([first, second]) == ["A", "A", "A", "B", "B", "B"]


def test_pieces_reach_to_the_edges_of_their_segment():
    words = [(1, 1.9, "How"), (2, 2.9, "now?"), (3, 3.9, "So"), (4, 4.9, "so.")]
    segment = segment_of(*words, text="How now? So so.", start=0, end=9)
    first, second = assigned(segment, [(0, 3, "A"), (3, 5, "B")])
    assert (first.start, first.end, second.start, second.end) == (0, 2.9, 3, 9)
    assert (first.text, second.text) == ("How now?", " So so.")


@pytest.mark.parametrize(
    ("change", "guards"),
    [
        (1, Guards(share=0.0, seconds=0.0, words=2)),
        (1, Guards(share=0.0, seconds=1.0, words=1)),
        (1, Guards(share=0.2, seconds=0.0, words=1)),
        (5, Guards(share=0.0, seconds=0.0, words=2)),
    ],
    ids=["too few words", "too short", "too small a part", "too few words at the end"],
)
def test_a_piece_that_is_too_small_stays_with_its_neighbour(change, guards):
    segment, turns = every_second("How are you? I am well.", change)
    (whole,) = assigned(segment, turns, Rules(split=guards))
    assert whole.text == segment.text
    assert len(set(speakers([whole]))) == 2
    assert len(assigned(segment, turns, ANYWHERE)) == 2


def test_what_a_speaker_has_in_all_is_what_counts_for_the_share():
    segment, _ = every_second("a b c d e f g h i j k l")
    turns = [(0, 2, "B"), (2, 5, "A"), (5, 7, "B"), (7, 12, "A")]
    assert [piece.speaker for piece in assigned(segment, turns, Rules(split=Guards(share=0.3)))] == [*"BABA"]
    assert len(assigned(segment, turns, Rules(split=Guards(share=0.4)))) == 1


def test_the_run_between_two_speakers_goes_to_the_longer():
    segment, _ = every_second("a b c d e f")
    turns = [(0, 2, "A"), (2, 3, "B"), (3, 6, "C")]
    assert [piece.text for piece in assigned(segment, turns)] == [" a b", " c d e f"]
    turns = [(0, 3, "A"), (3, 4, "B"), (4, 6, "C")]
    assert [piece.text for piece in assigned(segment, turns)] == [" a b c d", " e f"]


def test_a_flicker_within_a_remark_does_not_split_it():
    segment, _ = every_second("I have never been to New Jersey")
    (whole,) = assigned(segment, [(0, 3, "A"), (3, 4, "B"), (4, 8, "A")])
    assert (whole.speaker, speakers([whole])) == ("A", [*"AAABAAA"])


def test_words_that_were_not_timed_do_not_count_for_a_piece():
    words = [(0, 1, "a"), (1, 2, " b"), (2, 3, " c", "interpolated"), (3, 4, " d", "interpolated")]
    turns = [(0, 2, "A"), (2, 4, "B")]
    assert len(assigned(segment_of(*words), turns)) == 1
    assert len(assigned(segment_of(*(word[:3] for word in words)), turns)) == 2


def test_a_segment_without_words_is_not_split():
    assert len(assigned(Segment(start=0, end=9, text="How? So."), [(0, 4, "A"), (4, 9, "B")])) == 1


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
def test_a_text_is_cut_only_where_its_words_are(text, pieces):
    words = [(second, second + 0.9, word) for second, word in enumerate(["Well", "he", "said", "I", "know"])]
    found = assigned(segment_of(*words, text=text), [(0, 3, "A"), (3, 5, "B")], ANYWHERE)
    assert [piece.text for piece in found] == (pieces or [text])


def test_a_text_without_blanks_is_cut_between_characters():
    words = [(second, second + 0.9, word) for second, word in enumerate("你好吗我好")]
    found = assigned(segment_of(*words, text="你好吗!我好。"), [(0, 3, "A"), (3, 5, "B")])
    assert [piece.text for piece in found] == ["你好吗!", "我好。"]


def test_words_that_run_backwards_are_not_split():
    words = [(5, 5.9, "a"), (6, 6.9, " b"), (1, 1.9, " c"), (0, 0.9, " d")]
    (whole,) = assigned(segment_of(*words, start=0, end=9), [(0, 3, "A"), (3, 9, "B")], ANYWHERE)
    assert speakers([whole]) == ["B", "B", "A", "A"]


def test_a_segment_of_the_whole_recording_is_no_trouble():
    count = 30_000
    segment = segment_of(*((second, second + 0.9, f" {second}") for second in range(count)))
    turns = [(second, second + 1, "AB"[second // 3 % 2]) for second in range(count)]
    assert len(assigned(segment, turns)) == count / 3
    assert len(assigned(segment, turns, Rules(split=Guards(words=4), smooth=Island()))) == 1


def test_smoothing_gives_a_word_in_the_midst_of_a_sentence_to_the_one_around_it():
    segment, _ = every_second("I have never. Been to New Jersey")
    turns = [(0, 1, "A"), (1, 2, "B"), (2, 4, "A"), (4, 5, "B"), (5, 9, "A")]
    smooth = Rules(split=None, smooth=Island())
    (labelled,) = assigned(segment, turns, smooth)
    assert speakers([labelled]) == [*"AAAAAAA"]
    assert labelled.words[1].attribution == Attribution(how="smoothed", also=("B",))
    assert speakers(assigned(segment, turns, WHOLE)) == [*"ABAABAA"]


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
def test_smoothing_leaves_all_else_alone(turns):
    segment, _ = every_second("I have never. Been to New Jersey in my life")
    rough = assigned(segment, turns, WHOLE)
    assert assigned(segment, turns, Rules(split=None, smooth=Island())) == rough


def test_the_sample_with_its_lines_run_together_is_split_as_it_was(sample, sample_diarization):
    lines = read(sample / "sample.stm").segments
    said = [word for line in lines for word in timed_words(line)]
    one = Segment(start=0, end=30, text=" ".join(line.text for line in lines), words=tuple(said))
    by_line = assign_speakers(Transcript(segments=lines), sample_diarization)
    together = assign_speakers(Transcript(segments=(one,)), sample_diarization, ANYWHERE)
    truth = [segment.speaker for segment in by_line.segments for _ in segment.text.split()]
    found = [piece.speaker for piece in together.segments for _ in piece.words]
    assert wder(truth, found) == pytest.approx(5 / 81)  # its words' times are guesses
    assert "".join(piece.text for piece in together.segments) == one.text


def timed_words(line):
    """The words of a line, as long as they have characters."""
    texts = line.text.split()
    step = (line.end - line.start) / sum(map(len, texts))
    ends = [sum(map(len, texts[: index + 1])) * step for index in range(len(texts))]
    starts = [0.0, *ends[:-1]]
    return [
        Word(start=line.start + start, end=line.start + end, text=text)
        for text, start, end in zip(texts, starts, ends, strict=True)
    ]


def errors(hearing, rules):
    """WDER over eight dialogues, counted by the speakers of pieces."""
    wrong = total = 0
    for seed in range(8):
        made = dialogue(seed, hearing)
        labelled = assign_speakers(made.transcript, made.diarization, rules)
        found = [piece.speaker for piece in labelled.segments for _ in piece.words]
        wrong += wder(made.speakers, found) * len(found)
        total += len(found)
    return wrong / total


@pytest.mark.parametrize("hearing", [GOOD, USUAL, POOR], ids=["good", "usual", "poor"])
def test_guarded_splits_mend_more_words_than_whole_segments(hearing):
    assert errors(hearing, Rules()) < 0.7 * errors(hearing, WHOLE)


@pytest.mark.parametrize("hearing", [USUAL, POOR], ids=["usual", "poor"])
def test_guards_keep_the_diarizers_errors_out(hearing):
    assert errors(hearing, Rules()) < errors(hearing, ANYWHERE)


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
    split=st.sampled_from([None, Guards(), ANYWHERE.split]),
    smooth=st.sampled_from([None, Island()]),
    longest_word=st.sampled_from([0.0, 1.0, 99.0]),
)


def laid_out(gaps_and_lengths):
    now, laid = 0.0, []
    for gap, length, speaker in gaps_and_lengths:
        laid.append(SpeakerTurn(start=now + gap, end=now + gap + length, speaker=speaker))
        now += gap + length
    return tuple(laid)


@st.composite
def transcripts(draw):
    segments = []
    for own in draw(st.lists(st.lists(words, max_size=8), max_size=4)):
        said = tuple(Word(start=a, end=a + b, text=text, interpolated=guess) for a, b, text, guess in own)
        start, length = draw(tenths), draw(lengths)
        text = draw(st.sampled_from(["".join(word.text for word in said), " ".join(word.text for word in said), "Hm."]))
        segments.append(Segment(start=start, end=start + length, text=text, words=said))
    return Transcript(segments=tuple(segments))


def shifted(transcript, seconds):
    def moved(word):
        return Word(start=word.start + seconds, end=word.end + seconds, text=word.text, interpolated=word.interpolated)

    return Transcript(
        segments=tuple(
            Segment(
                start=each.start + seconds,
                end=each.end + seconds,
                text=each.text,
                words=tuple(map(moved, each.words)),
            )
            for each in transcript.segments
        )
    )


@given(transcripts(), turns, rules)
def test_no_word_is_lost_moved_reworded_or_said_twice(transcript, turns, rules):
    exclusive = laid_out(turns)
    diarization = Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive)
    labelled = assign_speakers(transcript, diarization, rules).segments
    assert [word_of(word) for piece in labelled for word in piece.words] == [
        word_of(word) for segment in transcript.segments for word in segment.words
    ]
    assert "".join(piece.text for piece in labelled) == "".join(segment.text for segment in transcript.segments)
    assert {piece.speaker for piece in labelled} <= {*diarization.speakers, None}
    assert all(0.0 <= each.attribution.share <= 1.0 for piece in labelled for each in (piece, *piece.words))


def word_of(word):
    return word.start, word.end, word.text, word.interpolated


@given(transcripts(), turns, rules, st.integers(0, 100_000))
def test_a_recording_that_begins_later_is_labelled_alike(transcript, turns, rules, seconds):
    exclusive = laid_out(turns)
    later = tuple(
        SpeakerTurn(start=turn.start + seconds, end=turn.end + seconds, speaker=turn.speaker) for turn in exclusive
    )
    now = assign_speakers(transcript, Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive), rules)
    then = assign_speakers(
        shifted(transcript, seconds), Diarization(uri="talk", turns=later, exclusive_turns=later), rules
    )
    assert labels(now) == labels(then)


def labels(labelled):
    return [
        (each.speaker, each.attribution, each.text) for piece in labelled.segments for each in (piece, *piece.words)
    ]


@given(transcripts(), turns, rules, st.randoms(use_true_random=False))
def test_the_order_that_turns_come_in_does_not_matter(transcript, turns, rules, random):
    exclusive = laid_out(turns)
    shuffled = random.sample(exclusive, len(exclusive))
    one = assign_speakers(transcript, Diarization(uri="talk", turns=exclusive, exclusive_turns=exclusive), rules)
    two = assign_speakers(
        transcript, Diarization(uri="talk", turns=tuple(shuffled), exclusive_turns=tuple(shuffled)), rules
    )
    assert labels(one) == labels(two)
