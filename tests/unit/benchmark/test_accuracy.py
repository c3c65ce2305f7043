"""Accuracy against references: scored regions, differences, and figures over several recordings."""

import random
from dataclasses import replace

import pytest
from pyannote.metrics.diarization import DiarizationErrorRate
from support.benchmarks import diarization, scored, write_rttm

from diarize_runner.benchmark.accuracy import pool, worst_first
from diarize_runner.benchmark.alignment import CONFUSION, FALSE_ALARM, MISSED, find_differences
from diarize_runner.benchmark.measurement import Score, Series
from diarize_runner.benchmark.score import _annotation, score
from diarize_runner.errors import UsageError


def series(measurements):
    return Series(engine="exact", device="cpu", measurements=tuple(measurements))


def seconds_by_kind(alignment):
    found = find_differences(alignment)
    return [sum(each.seconds for each in found if each.kind == kind) for kind in (MISSED, FALSE_ALARM, CONFUSION)]


def random_turns(rng, speakers):
    """Return turns within 10 s; a speaker's turns do not overlap each other."""
    for speaker in speakers:
        times = sorted(rng.uniform(0, 10) for _ in range(rng.choice((2, 4, 6))))
        yield from ((start, end, speaker) for start, end in zip(times[::2], times[1::2], strict=True))


class TestPooled:
    def test_error_rates_are_all_errors_over_all_speech(self, tmp_path):
        accuracy = pool(series(scored(tmp_path)))
        assert accuracy.speech_seconds == pytest.approx(10.0)
        assert accuracy.der == pytest.approx(4 / 10)
        errors = (accuracy.missed, accuracy.false_alarm, accuracy.confusion)
        assert errors == pytest.approx((1 / 10, 2 / 10, 1 / 10))

    def test_jer_is_the_mean_over_all_speakers(self, tmp_path):
        assert pool(series(scored(tmp_path))).jer == pytest.approx((1 / 5 + 2 / 4 + 0) / 3)

    def test_speaker_counts_are_right_or_off_by_a_number(self, tmp_path):
        accuracy = pool(series(scored(tmp_path)))
        assert (accuracy.right_counts, accuracy.count_error, accuracy.recordings) == (1, 1, 2)

    def test_the_interval_spans_the_resampled_recordings(self, tmp_path):
        assert pool(series(scored(tmp_path))).der_interval == pytest.approx((0.25, 1.0))

    def test_the_interval_is_the_same_each_time(self, tmp_path):
        recordings = {f"r{at}": ([(0, 10, "anna")], [(0, 10 - at, "X")]) for at in range(8)}
        first, second = (pool(series(scored(tmp_path, recordings))).der_interval for _ in range(2))
        assert first == second == pytest.approx((0.225, 0.4875))

    def test_one_recording_has_no_interval(self, tmp_path):
        assert pool(series(scored(tmp_path)[:1])).der_interval is None

    def test_recordings_without_reference_do_not_count(self, tmp_path):
        measured, other = scored(tmp_path)
        assert pool(series([measured, replace(other, score=None)])) == pool(series([measured]))

    def test_scores_of_older_reports_cannot_be_pooled(self, tmp_path):
        measured, _ = scored(tmp_path)
        assert pool(series([replace(measured, score=Score(der=0.25, speakers=2))])) is None

    def test_recordings_whose_scored_regions_have_no_speech_cannot_be_pooled(self, tmp_path):
        (tmp_path / "a.uem").write_text("a 1 9 10\n")
        measured, _ = scored(tmp_path)
        silent = score(diarization("a", [(9, 10, "X")]), tmp_path / "a.rttm", 10.0, tmp_path / "a.uem")
        assert (silent.seconds.speech, silent.seconds.false_alarm) == (0.0, 1.0)
        assert pool(series([replace(measured, score=silent)])) is None
        with_speech = pool(series([measured, replace(measured, score=silent)]))
        assert with_speech.false_alarm == pytest.approx(1 / 8)

    def test_the_recording_with_the_highest_der_is_first(self, tmp_path):
        assert [measured.uri for measured, *_ in worst_first(series(scored(tmp_path)))] == ["b", "a"]


class TestDifferences:
    def test_have_times_and_kinds(self, tmp_path):
        a, b = (each.score.alignment for each in scored(tmp_path))
        assert [(each.kind, each.start, each.end) for each in find_differences(a)] == [
            (MISSED, 7.0, 8.0),
            (CONFUSION, 4.0, 5.0),
        ]
        assert [(each.kind, each.start, each.end) for each in find_differences(b)] == [(FALSE_ALARM, 6.0, 8.0)]

    def test_count_each_missed_voice_of_an_overlap(self, tmp_path):
        reference = write_rttm(tmp_path / "a.rttm", [(0, 4, "anna"), (1, 3, "ben"), (1, 3, "cy")])
        alignment = score(diarization("a", [(0, 4, "X")]), reference, 4.0).alignment
        (difference,) = find_differences(alignment)
        assert (difference.voices, difference.seconds) == (2, 4.0)

    @pytest.mark.parametrize("seed", range(40))
    def test_add_up_to_what_pyannote_counts(self, tmp_path, seed):
        rng = random.Random(seed)
        reference = list(random_turns(rng, "abc"[: rng.choice((1, 2, 3))]))
        found = list(random_turns(rng, "XYZW"[: rng.choice((1, 2, 3, 4))]))
        uem = tmp_path / "r.uem"
        uem.write_text("r 1 0 4\nr 1 5.5 9\n")
        counted = score(diarization("r", found), write_rttm(tmp_path / "r.rttm", reference), 10.0, uem)
        expected = (counted.seconds.missed, counted.seconds.false_alarm, counted.seconds.confusion)
        assert seconds_by_kind(counted.alignment) == pytest.approx(expected, abs=1e-4)

    def test_count_turns_of_one_speaker_that_overlap_each_other_as_pyannote_does(self, tmp_path):
        reference = write_rttm(tmp_path / "a.rttm", [(0, 4, "anna"), (2, 6, "anna")])
        counted = score(diarization("a", [(0, 6, "X")]), reference, 6.0)
        assert (counted.seconds.speech, counted.seconds.missed) == pytest.approx((8.0, 2.0))
        assert seconds_by_kind(counted.alignment) == pytest.approx([2.0, 0.0, 0.0])


def test_a_reference_with_comments_and_lines_of_other_types_is_scored(tmp_path):
    reference = write_rttm(tmp_path / "a.rttm", [(0, 4, "anna"), (4, 8, "ben")])
    other = ";; made by hand, in an hour\n\nSPKR-INFO a 1 <NA> <NA> <NA> adult_female anna <NA>\n"
    reference.write_text(other + reference.read_text())
    assert score(diarization("a", [(0, 5, "X"), (5, 7, "Y")]), reference, 10.0).der == pytest.approx(0.25)


class TestScoredRegions:
    FOUND = diarization("a", [(0, 5, "X"), (5, 7, "Y")])

    @pytest.fixture
    def reference(self, tmp_path):
        return write_rttm(tmp_path / "a.rttm", [(0, 4, "anna"), (4, 8, "ben")])

    def uem(self, tmp_path, text):
        path = tmp_path / "a.uem"
        path.write_text(text)
        return path

    def test_are_the_whole_recording_without_a_uem(self, reference):
        scored = score(self.FOUND, reference, 10.0)
        assert scored.alignment.scored == ((0.0, 10.0),)
        assert scored.der == pytest.approx(0.25)

    def test_exclude_errors_and_speakers_outside(self, tmp_path, reference):
        scored = score(self.FOUND, reference, 10.0, self.uem(tmp_path, ";; comment\n\na 1 0.0 4.0\n"))
        assert (scored.der, scored.speakers, scored.found_speakers) == (0.0, 1, 1)
        assert scored.seconds.speech == pytest.approx(4.0)

    def test_are_those_that_pyannote_scores(self, tmp_path, reference):
        from pyannote.core import Segment, Timeline
        from pyannote.database.util import load_rttm

        uem = Timeline([Segment(1, 4.5), Segment(6, 9)])
        expected = DiarizationErrorRate()(load_rttm(reference)["a"], _annotation(self.FOUND), uem=uem)
        scored = score(self.FOUND, reference, 10.0, self.uem(tmp_path, "a 1 6 9\na 1 1 4.5\na 1 2 3\n"))
        assert scored.der == pytest.approx(expected)
        assert scored.alignment.scored == ((1.0, 4.5), (6.0, 9.0))

    def test_end_with_the_recording(self, tmp_path, reference):
        assert score(self.FOUND, reference, 10.0, self.uem(tmp_path, "a 1 0 99\n")).alignment.scored == ((0.0, 10.0),)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "has no region to score"),
            ("a 1 0\n", "line 1: not a line of UEM"),
            ("a 1 0 soon\n", "line 1: not a line of UEM"),
            ("a 1 0 1 2\n", "line 1: not a line of UEM"),
            ("a 1 2 1\n", "line 1: the region runs from 2 to 1 s"),
            ("a 1 -1 1\n", "line 1: the region runs from -1 to 1 s"),
            ("a 1 nan 1\n", "line 1: the region runs from nan to 1 s"),
            ("a 1 0 1\nb 1 0 1\n", "line 2 names the recording b, not a"),
            ("a 1 20 30\n", "every region is beyond the end of a"),
        ],
    )
    def test_that_are_invalid_are_refused_with_a_hint(self, tmp_path, reference, text, problem):
        with pytest.raises(UsageError, match=problem) as refused:
            score(self.FOUND, reference, 10.0, self.uem(tmp_path, text))
        assert str(tmp_path / "a.uem") in refused.value.message
        assert refused.value.hint
