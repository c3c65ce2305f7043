"""Subtitles that are laid out for reading: what every cue keeps, and where cues and lines end."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization
from diarize_runner.transcript.formats import srt, vtt
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.read import parse
from diarize_runner.transcript.subtitles.cues import sentence_cues
from diarize_runner.transcript.subtitles.layout import DEFAULT_LAYOUT, SubtitleLayout
from diarize_runner.transcript.subtitles.tokens import text_width

SPEAKERS = ("SPEAKER_00", "SPEAKER_01", None)
TEXTS = ("Yes.", "no,", "well", "3.14", "Dr.", "好", "extraordinarily", "e\u0301")
NO_TURNS = Diarization(uri="talk", turns=(), exclusive_turns=())


def transcript_of(*segments):
    return LabelledTranscript(uri="talk", segments=segments, diarization=NO_TURNS)


def spoken(start, text, speaker="A", *, pace=0.3, pauses=None):
    """Return a segment whose words last `pace` seconds each, after the pauses that are given by word."""
    words, moment = [], start
    for word in text.split():
        moment += (pauses or {}).get(word, 0)
        words.append(LabelledWord(start=moment, end=moment + pace, text=f" {word}", speaker=speaker))
        moment += pace
    return LabelledSegment(start=start, end=moment, text=f" {text}", speaker=speaker, words=tuple(words))


def untimed(start, end, text, speaker="A"):
    return LabelledSegment(start=start, end=end, text=text, speaker=speaker)


def lay_out(*segments, layout=DEFAULT_LAYOUT, seconds=None):
    end = seconds or max(segment.end for segment in segments)
    return sentence_cues(transcript_of(*segments), layout, end, lambda _: 0)


def lines_of(cues):
    return [list(cue.lines) for cue in cues]


def times_of(cues):
    return [(round(cue.start, 3), round(cue.end, 3)) for cue in cues]


@st.composite
def talks(draw):
    """Segments of several speakers in any order, with words or without, that may overlap or take no time."""
    segments = []
    for _ in range(draw(st.integers(1, 6))):
        speaker = draw(st.sampled_from(SPEAKERS))
        start = draw(st.floats(0, 20))
        text = " ".join(draw(st.lists(st.sampled_from(TEXTS), min_size=1)))
        if draw(st.booleans()):
            segments.append(spoken(start, text, speaker, pace=draw(st.sampled_from([0, 0.05, 0.4, 3]))))
        else:
            segments.append(untimed(start, start + draw(st.floats(0, 30)), text, speaker))
    return segments


layouts = st.builds(
    SubtitleLayout,
    line_length=st.integers(5, 60),
    lines=st.integers(1, 3),
    min_seconds=st.floats(0, 2),
    max_seconds=st.floats(2, 10),
    reading_speed=st.floats(5, 30),
)


class TestEveryCue:
    @given(segments=talks(), layout=layouts)
    def test_keeps_all_text_of_each_speaker(self, segments, layout):
        def words(parts):
            return {
                speaker: Counter("".join(text for who, text in parts if who == speaker).replace(" ", ""))
                for speaker in SPEAKERS
            }

        cues = lay_out(*segments, layout=layout)
        said = words([(cue.speaker, "".join(cue.lines)) for cue in cues])
        assert said == words([(segment.speaker, segment.text) for segment in segments])

    @given(segments=talks(), layout=layouts)
    def test_has_lines_within_the_limits_unless_a_line_is_one_word(self, segments, layout):
        for cue in lay_out(*segments, layout=layout):
            assert 1 <= len(cue.lines) <= layout.lines
            assert all(text_width(line) <= layout.line_length or " " not in line for line in cue.lines)

    @given(segments=talks(), layout=layouts)
    def test_lasts_some_time_and_no_longer_than_the_maximum(self, segments, layout):
        cues = lay_out(*segments, layout=layout)
        assert all(cue.start < cue.end <= cue.start + layout.max_seconds + 1e-9 for cue in cues)
        assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)

    @given(segments=talks(), layout=layouts)
    def test_lasts_the_minimum_if_the_next_one_leaves_room(self, segments, layout):
        cues = lay_out(*segments, layout=layout, seconds=math.inf)
        for cue, following in zip(cues, [*cues[1:], None], strict=True):
            room = math.inf if following is None else following.start - cue.start
            assert cue.end - cue.start >= min(layout.min_seconds, room) - 1e-9

    @pytest.mark.parametrize("render", [srt.render_sentences, vtt.render_sentences])
    @given(segments=talks())
    def test_is_read_back(self, segments, render):
        read = parse(render(Document(transcript=transcript_of(*segments)), DEFAULT_LAYOUT))
        assert letters(read.segments) == letters(segments)


def letters(segments):
    """Return how often each character occurs, apart from whitespace."""
    return Counter("".join("".join(segment.text.split()) for segment in segments))


class TestWhereACueEnds:
    def test_it_ends_where_a_sentence_ends(self):
        cues = lay_out(spoken(0, "I came home late last night. Nobody was there to open the door."))
        assert lines_of(cues) == [["I came home late last night."], ["Nobody was there to open the door."]]

    def test_a_sentence_may_go_on_in_the_next_segment(self):
        cues = lay_out(spoken(0, "And then we all went"), spoken(1.5, "home to our families. It was late by then."))
        assert lines_of(cues) == [["And then we all went home to our families."], ["It was late by then."]]

    def test_no_cue_has_two_speakers(self):
        cues = lay_out(spoken(0, "Did you"), spoken(0.6, "see him?", "B"), spoken(1.2, "I did.", "A"))
        assert [(cue.speaker, *cue.lines) for cue in cues] == [("A", "Did you"), ("B", "see him?"), ("A", "I did.")]

    def test_a_long_sentence_is_cut_at_its_comma(self):
        text = "If the weather had been any better on that day, we would certainly have walked to the station."
        assert [" ".join(lines) for lines in lines_of(lay_out(spoken(0, text)))] == [
            "If the weather had been any better on that day,",
            "we would certainly have walked to the station.",
        ]

    def test_a_long_sentence_without_a_comma_is_cut_into_like_parts(self):
        cues = lay_out(spoken(0, " ".join(["seven77"] * 20)))
        assert [len(" ".join(lines).split()) for lines in lines_of(cues)] == [10, 10]

    def test_a_sentence_of_a_moment_shares_a_cue(self):
        cues = lay_out(spoken(0, "No. I have never seen that.", pace=0.2))
        assert lines_of(cues) == [["No. I have never seen that."]]

    def test_a_silence_ends_a_cue_even_within_a_sentence(self):
        cues = lay_out(spoken(0, "I think that he is right", pauses={"he": 2.5}))
        assert lines_of(cues) == [["I think that"], ["he is right"]]

    def test_slow_speech_is_cut_at_the_maximum(self):
        cues = lay_out(spoken(0, "one two three four five six", pace=2))
        assert all(cue.end - cue.start <= DEFAULT_LAYOUT.max_seconds for cue in cues)
        assert len(cues) == 2

    def test_text_without_times_is_cut_by_its_length(self):
        cues = lay_out(untimed(0, 10, "Half of the time is for this. The other half is for this one"))
        assert times_of(cues)[1][0] == pytest.approx(5, abs=0.3)

    def test_chinese_is_cut_without_spaces_and_counts_twice(self):
        text = "我昨天去了东京。在那里见到了朋友,吃了美味的寿司,然后坐电车回家,真是愉快的一天。"
        cues = lay_out(untimed(0, 12, text))
        assert cues[0].lines == ("我昨天去了东京。",)
        assert all(text_width(line) <= 42 for cue in cues for line in cue.lines)
        assert "".join(line for cue in cues for line in cue.lines) == text


class TestWhereALineEnds:
    def test_a_text_that_fits_has_one_line(self):
        assert lines_of(lay_out(spoken(0, "This is Diane in New Jersey."))) == [["This is Diane in New Jersey."]]

    def test_lines_are_of_like_lengths(self):
        assert lines_of(lay_out(spoken(0, "Nobody in this house has ever seen the sea before."))) == [
            ["Nobody in this house has", "ever seen the sea before."]
        ]

    def test_a_line_rather_ends_at_a_comma(self):
        assert lines_of(lay_out(spoken(0, "When I came back to the house, nobody was there."))) == [
            ["When I came back to the house,", "nobody was there."]
        ]

    def test_the_label_of_srt_takes_its_place_in_the_line_and_the_voice_of_webvtt_none(self):
        document = Document(transcript=transcript_of(spoken(0, "This is Diane in New Jersey, here.", "SPEAKER_00")))
        assert "\n[SPEAKER_00] This is\nDiane in New Jersey, here.\n" in srt.render_sentences(document, DEFAULT_LAYOUT)
        assert "<v SPEAKER_00>This is Diane in New Jersey, here.</v>" in vtt.render_sentences(document, DEFAULT_LAYOUT)

    def test_each_line_of_webvtt_is_escaped(self):
        document = Document(transcript=transcript_of(spoken(0, "a <b> --> c & d", "<A>", pace=0.5)))
        text = vtt.render_sentences(document, SubtitleLayout(line_length=9))
        assert text.endswith("\n<v &lt;A&gt;>a &lt;b&gt;\n--&gt; c &amp; d</v>\n")


class TestTimes:
    def test_a_cue_stays_until_it_can_be_read(self):
        cues = lay_out(spoken(0, "Thirty-four characters are in here", pace=0.1), seconds=60)
        assert times_of(cues) == [(0.0, 2.0)]

    def test_a_cue_ends_where_the_next_begins(self):
        cues = lay_out(spoken(0, "Thirty-four characters are in here", pace=0.1), spoken(1, "What?", "B"), seconds=60)
        assert times_of(cues)[0] == (0.0, 1.0)

    def test_no_cue_stays_longer_than_the_recording(self):
        assert times_of(lay_out(spoken(0, "Stop.", pace=0.4), seconds=0.5)) == [(0.0, 0.5)]

    def test_words_of_zero_length_have_a_cue_that_can_be_seen(self):
        cues = lay_out(spoken(8.3, "Hello.", "A", pace=0), spoken(8.34, "Oh, hello.", "B"))
        assert times_of(cues)[0] == (8.3, pytest.approx(9.133))

    def test_two_people_at_once_have_cues_at_once(self):
        cues = lay_out(spoken(0, "I am still speaking here"), spoken(0.5, "Yes, I know.", "B"))
        assert times_of(cues) == [(0.0, 1.5), (0.5, pytest.approx(1.4, abs=0.1))]


@pytest.mark.parametrize(
    "limits", [{"min_seconds": 3, "max_seconds": 2}, {"lines": 0}, {"line_length": 0}, {"reading_speed": 0}]
)
def test_limits_that_no_cue_keeps_are_refused(limits):
    with pytest.raises(ValueError, match="subtitle"):
        SubtitleLayout(**limits)


def test_a_transcript_without_text_has_no_cue():
    assert sentence_cues(transcript_of(), DEFAULT_LAYOUT, 0, lambda _: 0) == []
    assert lay_out(untimed(0, 1, " \n ")) == []
