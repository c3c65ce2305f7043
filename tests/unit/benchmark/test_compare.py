"""Comparing two reports, and planning boxes from one report."""

from dataclasses import replace

import pytest
from support.benchmarks import ENVIRONMENT, measurement, report

from diarize_runner.benchmark.compare import compare
from diarize_runner.benchmark.measurement import Call, Loading, Series, Start
from diarize_runner.benchmark.plan import Job, cautious_plan, plan
from diarize_runner.errors import UsageError


def test_the_ratio_compares_medians_and_the_spread_compares_extreme_calls():
    comparison = compare(report(measurement("a", 10.0, 1.0, 2.0, 4.0)), report(measurement("a", 10.0, 3.0, 3.0, 6.0)))
    (change,) = comparison.changes
    assert (change.ratio, change.spread) == (1.5, (0.75, 6.0))


def test_the_total_ratio_covers_only_recordings_in_both_reports():
    before = report(measurement("a", 10.0, 1.0), measurement("b", 10.0, 3.0), measurement("gone", 10.0, 50.0))
    after = report(measurement("b", 10.0, 5.0), measurement("a", 10.0, 1.0), measurement("new", 10.0, 50.0))
    comparison = compare(before, after)
    assert (comparison.ratio, len(comparison.changes)) == (1.5, 2)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"cpu": "Another CPU"}, "cpu: Some CPU, then Another CPU"),
        ({"threads": 4}, "threads: 2, then 4"),
        ({"packages": {"torch": "2.12.0", "diarize-runner": "0.1.0"}}, "torch: 2.11.0, then 2.12.0"),
    ],
)
def test_a_comparison_lists_differences_between_environments(change, difference):
    other = report(measurement("a", 10.0, 1.0), environment=replace(ENVIRONMENT, **change))
    assert compare(report(measurement("a", 10.0, 1.0)), other).differences == (difference,)


def test_a_comparison_ignores_versions_of_diarize_runner_and_properties_that_one_report_lacks():
    packages = {"torch": "2.11.0", "diarize-runner": "0.2.0"}
    newer = replace(ENVIRONMENT, packages=packages, instance="g4dn.xlarge", load_average=3.0)
    other = report(measurement("a", 10.0, 1.0), environment=newer)
    assert compare(report(measurement("a", 10.0, 1.0)), other).differences == ()


def test_a_different_cache_is_a_difference():
    other = report(measurement("a", 10.0, 1.0), cache="tiny 2.0 sha256:11")
    assert len(compare(report(measurement("a", 10.0, 1.0)), other).differences) == 1


def test_recordings_with_the_same_name_and_different_audio_are_refused():
    before, after = (report(measurement("a", 10.0, 1.0, audio=digest)) for digest in ("sha256:1", "sha256:2"))
    with pytest.raises(UsageError, match="a has different audio or speaker hints in the two reports"):
        compare(before, after)


def test_reports_of_different_engines_are_refused():
    with pytest.raises(UsageError, match="the reports share no measurement"):
        compare(report(measurement("a", 10.0, 1.0)), report(measurement("a", 10.0, 1.0), engine="stock"))


class TestPlans:
    JOB = Job(audio_hours=10_000, deadline=24 * 3600, ready_after=0)

    def series(self, *seconds, starts=()):
        return Series(
            engine="exact", device="Tesla T4", starts=starts, measurements=(measurement("a", 100.0, *seconds),)
        )

    def test_the_plan_has_the_fewest_boxes_that_meet_the_deadline(self):
        planned = plan(self.JOB, self.series(9.0))
        assert planned.boxes == 38, "900 hours of work, 24 hours a box"
        assert planned.seconds == pytest.approx(900 * 3600 / 38)
        assert planned.box_hours == pytest.approx(900)

    def test_box_hours_include_the_start_of_every_box(self):
        start = Start(
            loading=Loading(process=10, imports=20, verify=30, load=40), uri="a", first_call=Call(seconds=1.0)
        )
        job = Job(audio_hours=10_000, deadline=24 * 3600, ready_after=500)
        planned = plan(job, self.series(9.0, starts=(start,)))
        assert planned.boxes == 38
        assert planned.box_hours == pytest.approx(900 + 38 * 600 / 3600)

    def test_a_slow_start_needs_more_boxes(self):
        tight = Job(audio_hours=100, deadline=3600, ready_after=1800)
        assert plan(tight, self.series(10.0)).boxes == 20

    def test_the_longest_recording_may_begin_last(self):
        whole_day = Job(audio_hours=10_000, deadline=24 * 3600, ready_after=0, longest=8 * 3600)
        planned = plan(whole_day, self.series(9.0))
        assert planned.boxes == 39
        assert planned.seconds == pytest.approx(900 * 3600 / 39 + 0.09 * 8 * 3600)

    def test_the_cautious_plan_uses_the_slowest_calls(self):
        series = self.series(9.0, 9.0, 18.0)
        assert (plan(self.JOB, series).boxes, cautious_plan(self.JOB, series).boxes) == (38, 75)

    def test_a_deadline_before_any_box_is_ready_is_refused(self):
        problem = "a box needs 90000 s before it diarizes, and 0 s for the longest recording, but the deadline is 86400"
        with pytest.raises(UsageError, match=problem):
            plan(Job(audio_hours=1, deadline=86_400, ready_after=90_000), self.series(9.0))
