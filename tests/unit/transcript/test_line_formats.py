"""WebVTT, plain text, CTM, STM and Audacity labels: each has its own rules for a line."""

from hypothesis import given
from hypothesis import strategies as st
from support.readers import plain
from support.readers import vtt as read_vtt

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import ctm, labels, stm, txt, vtt
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord
from diarize_runner.transcript.read import parse


def make_transcript(*segments, uri="talk"):
    segments = tuple(LabelledSegment(start=a, end=b, text=text, speaker=speaker) for a, b, text, speaker in segments)
    return LabelledTranscript(uri=uri, segments=segments, diarization=make_diarization())


def make_diarization(*turns):
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    return Diarization(uri="talk", turns=turns, exclusive_turns=turns)


class TestWebVTT:
    def test_a_cue_has_the_voice_of_its_speaker(self):
        assert vtt.render(make_transcript((0, 2.5, "Hello", "SPEAKER_00"), (2.5, 5, "Hm?", None))) == (
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n<v SPEAKER_00>Hello</v>\n\n00:00:02.500 --> 00:00:05.000\nHm?\n"
        )

    def test_texts_and_names_are_escaped(self):
        written = vtt.render(make_transcript((0, 1, "a --> b & <i>", "A>&B")))
        assert written.splitlines()[3] == "<v A&gt;&amp;B>a --&gt; b &amp; &lt;i&gt;</v>"

    def test_a_cue_without_length_lasts_a_millisecond(self):
        assert "00:00:01.000 --> 00:00:01.001" in vtt.render(
            make_transcript((1, 1, "Oh", "A"), (0.9996, 1.0004, "Ah", "A"))
        )

    @given(st.text(), st.text())
    def test_a_reader_gets_every_text_and_name_back(self, text, speaker):
        found = read_vtt(vtt.render(make_transcript((0, 1, text, speaker))))
        assert found == ([(0.0, 1.0, plain(text), plain(speaker) or None)] if plain(text) else [])


class TestPlainText:
    def test_a_line_has_all_consecutive_segments_of_a_speaker(self):
        transcript = make_transcript(
            (3600, 3601, "Hello.", "Ann Lee"), (3601, 3602, " Again. ", "Ann Lee"), (3603, 3604, "Hm?", None)
        )
        assert txt.render(transcript) == "[01:00:00] Ann Lee: Hello. Again.\n[01:00:03] Hm?\n"


class TestCTM:
    def test_each_timed_word_has_a_line(self):
        words = (
            LabelledWord(start=0.1, end=0.4, text=" Oh,", speaker="Ann Lee"),
            LabelledWord(start=0.5, end=0.75, text=" hi", speaker=None),
        )
        segment = LabelledSegment(start=0, end=1, text="Oh, hi", speaker="Ann Lee", words=words)
        transcript = LabelledTranscript(uri="my talk", segments=(segment,), diarization=make_diarization())
        assert ctm.render(transcript) == ("my_talk 1 0.100 0.300 Oh,\nmy_talk 1 0.500 0.250 hi\n")

    def test_words_without_times_share_their_segment_by_characters(self):
        assert ctm.render(make_transcript((2, 3, "a bcd", "A"))) == ("talk 1 2.000 0.250 a\ntalk 1 2.250 0.750 bcd\n")


class TestSTM:
    def test_a_text_that_looks_like_a_label_is_read_as_text(self):
        written = stm.render(make_transcript((0, 1, "<laughs> yes", None)))
        assert written == "talk 1 unknown 0.000 1.000 <O> <laughs> yes\n"
        assert parse(written).segments[0].text == "<laughs> yes"

    @given(st.text(), st.text())
    def test_the_stm_dialect_reads_every_text_back(self, text, speaker):
        written = stm.render(make_transcript((0.5, 1, text, speaker)))
        read = [segment.text for segment in parse(written).segments] if written else []
        assert read == ([plain(text)] if plain(text) else [])


class TestLabels:
    def test_segments_are_labels_with_their_speaker(self):
        assert labels.render(make_transcript((0, 1.5, "one\ttwo\n", "A\tB"), (2, 3, "Hm?", None))) == (
            "0.000000\t1.500000\tA B: one two\n2.000000\t3.000000\tHm?\n"
        )

    def test_without_a_transcript_turns_are_labels(self):
        transcript = LabelledTranscript(
            uri="talk", segments=(), diarization=make_diarization((0, 1, "A"), (0.5, 2, "B"))
        )
        assert labels.render(transcript) == "0.000000\t1.000000\tA\n0.500000\t2.000000\tB\n"
