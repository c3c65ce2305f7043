"""TextGrid and EAF: the intervals of a tier have a length and do not overlap."""

import itertools
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers import eaf as read_eaf
from support.readers import plain
from support.readers import textgrid as read_textgrid

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import eaf, textgrid
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.tiers import build_tiers
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

TIMES = st.floats(0, 100).map(lambda seconds: round(seconds, 1))
SPANS = st.tuples(TIMES, TIMES).map(sorted)


def make_document(*segments, turns=(), media=None):
    segments = tuple(LabelledSegment(start=a, end=b, text=text, speaker=speaker) for a, b, text, speaker in segments)
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    diarization = Diarization(uri="talk", turns=turns, exclusive_turns=())
    return Document(transcript=LabelledTranscript(uri="talk", segments=segments, diarization=diarization), media=media)


class TestTiers:
    @given(st.lists(SPANS, min_size=1))
    def test_every_text_is_kept_without_overlaps(self, spans):
        document = make_document(*((start, end, str(number), "A") for number, (start, end) in enumerate(spans)))
        (tier,) = build_tiers(document.transcript)
        assert sorted(int(interval.text) for interval in tier.intervals) == list(range(len(spans)))
        assert all(interval.start < interval.end for interval in tier.intervals)
        assert all(before.end <= after.start for before, after in itertools.pairwise(tier.intervals))

    def test_intervals_without_overlap_keep_their_times(self):
        (tier,) = build_tiers(make_document((1.5, 2, "b", "A"), (0, 1.25, "a", "A")).transcript)
        assert [(interval.start, interval.end) for interval in tier.intervals] == [(0, 1250), (1500, 2000)]

    def test_a_segment_ends_at_the_start_of_the_next_of_its_speaker(self):
        (tier,) = build_tiers(make_document((0, 9, "around", "A"), (2, 3, "within", "A")).transcript)
        assert [(interval.start, interval.end) for interval in tier.intervals] == [(0, 2000), (2000, 3000)]

    def test_tiers_are_sorted_by_speaker_and_unknown_speakers_come_last(self):
        word = LabelledWord(start=0, end=1, text=" hi", speaker="Z")
        spoken = LabelledSegment(start=0, end=1, text="hi", speaker="Z", words=(word,))
        unassigned = LabelledSegment(start=1, end=2, text="eh", speaker=None)
        turn = SpeakerTurn(start=0, end=1, speaker="B")
        diarization = Diarization(uri="talk", turns=(turn,), exclusive_turns=())
        tiers = build_tiers(LabelledTranscript(uri="talk", segments=(spoken, unassigned), diarization=diarization))
        assert [tier.name for tier in tiers] == ["B turns", "Z", "Z words", "nobody"]


class TestTextGrid:
    def test_a_tier_has_no_gaps_and_runs_to_the_end(self):
        written = textgrid.render(make_document((1, 2, "Hello", "A"), turns=[(0, 4, "B")]))
        assert read_textgrid(written)["A"] == [(0, 1, ""), (1, 2, "Hello"), (2, 4, "")]
        assert "xmax = 4\ntiers? <exists>\nsize = 2\n" in written

    def test_tiers_end_with_the_recording(self, meeting):
        assert all(intervals[-1][1] == 30 for intervals in read_textgrid(textgrid.render(meeting)).values())

    @given(st.text(), st.text())
    def test_a_reader_gets_every_text_and_name_back(self, text, speaker):
        (tier,) = read_textgrid(textgrid.render(make_document((0, 1, text, speaker)))).items()
        assert tier == (plain(speaker) or "nobody", [(0, 1, plain(text))])

    def test_an_empty_result_has_one_empty_tier(self):
        assert read_textgrid(textgrid.render(make_document())) == {"speech": [(0, 0.001, "")]}


class TestEAF:
    @given(st.text(), st.text())
    def test_a_reader_gets_every_text_back(self, text, speaker):
        (tier,) = read_eaf(eaf.render(make_document((0, 1, text, speaker)))).values()
        ((start, end, annotation),) = tier
        assert (start, end) == (0, 1000)
        assert annotation == re.sub("[\ufffe\uffff]", "\ufffd", plain(text))

    def test_annotations_share_no_time_slot(self):
        root = ET.fromstring(
            eaf.render(make_document((0, 1, "a", "A"), (1, 2, "b", "B"), turns=[(0, 1, "A")])).encode()
        )
        refs = [a.get(side) for a in root.iter("ALIGNABLE_ANNOTATION") for side in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")]
        assert len(refs) == len(set(refs)) == 6
        times = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
        assert times == sorted(times)

    @pytest.mark.parametrize(
        ("media", "url", "kind"),
        [("a%20b.WAV", "./a%20b.WAV", "audio/x-wav"), ("../in/a.mp3", "../in/a.mp3", "audio/mpeg")],
    )
    def test_the_recording_is_linked_by_its_path_from_the_document(self, media, url, kind):
        root = ET.fromstring(eaf.render(make_document(media=media)).encode())
        assert root.find("HEADER/MEDIA_DESCRIPTOR").attrib == {
            "MEDIA_URL": url,
            "RELATIVE_MEDIA_URL": url,
            "MIME_TYPE": kind,
        }
