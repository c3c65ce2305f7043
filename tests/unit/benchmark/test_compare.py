"""Two reports are compared where they are of one environment, and a plan rests on what one box was measured to do."""

from dataclasses import replace

import pytest
from support.benchmarks import ENVIRONMENT, measurement, report

from diarize_runner.benchmark.compare import compare
from diarize_runner.benchmark.measurement import Call, Loading, Series, Start
from diarize_runner.benchmark.plan import Job, cautious_plan, plan
from diarize_runner.errors import UsageError


def test_the_ratio_is_of_medians_and_the_spread_of_the_calls_that_differ_most():
    found = compare(report(measurement("a", 10.0, 1.0, 2.0, 4.0)), report(measurement("a", 10.0, 3.0, 3.0, 6.0)))
    (change,) = found.changes
    assert (change.ratio, change.spread) == (1.5, (0.75, 6.0))


def test_in_all_is_total_over_total_of_what_both_have():
    before = report(measurement("a", 10.0, 1.0), measurement("b", 10.0, 3.0), measurement("gone", 10.0, 50.0))
    after = report(measurement("b", 10.0, 5.0), measurement("a", 10.0, 1.0), measurement("new", 10.0, 50.0))
    found = compare(before, after)
    assert (found.ratio, len(found.changes)) == (1.5, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cpu": "Another CPU"}, "cpu: Some CPU, then Another CPU"),
        ({"threads": 4}, "threads: 2, then 4"),
        ({"packages": {"torch": "2.12.0", "diarize-runner": "0.1.0"}}, "torch: 2.11.0, then 2.12.0"),
    ],
)
def test_what_is_unlike_is_found(change, said):
    other = report(measurement("a", 10.0, 1.0), environment=replace(ENVIRONMENT, **change))
    assert compare(report(measurement("a", 10.0, 1.0)), other).differences == (said,)


def test_a_newer_diarize_runner_is_no_other_environment_and_neither_is_what_only_one_report_knows():
    packages = {"torch": "2.11.0", "diarize-runner": "0.2.0"}
    newer = replace(ENVIRONMENT, packages=packages, instance="g4dn.xlarge", load_average=3.0)
    other = report(measurement("a", 10.0, 1.0), environment=newer)
    assert compare(report(measurement("a", 10.0, 1.0)), other).differences == ()


def test_another_cache_is_another_environment():
    other = report(measurement("a", 10.0, 1.0), cache="tiny 2.0 sha256:11")
    assert len(compare(report(measurement("a", 10.0, 1.0)), other).differences) == 1


def test_recordings_that_share_but_a_name_are_not_compared():
    before, after = (report(measurement("a", 10.0, 1.0, audio=digest)) for digest in ("sha256:1", "sha256:2"))
    with pytest.raises(UsageError, match="a is not the same work"):
        compare(before, after)


def test_reports_of_different_engines_have_nothing_in_common():
    with pytest.raises(UsageError, match="nothing in common"):
        compare(report(measurement("a", 10.0, 1.0)), report(measurement("a", 10.0, 1.0), engine="stock"))


class TestPlans:
    JOB = Job(audio_hours=10_000, deadline=24 * 3600, ready_after=0)

    def series(self, *seconds, starts=()):
        return Series(
            engine="exact", device="Tesla T4", starts=starts, measurements=(measurement("a", 100.0, *seconds),)
        )

    def test_boxes_are_as_many_as_are_done_in_time(self):
        found = plan(self.JOB, self.series(9.0))
        assert found.boxes == 38, "900 hours of work, 24 hours a box"
        assert found.seconds == pytest.approx(900 * 3600 / 38)
        assert found.box_hours == pytest.approx(900)

    def test_every_box_pays_for_its_own_start(self):
        start = Start(
            loading=Loading(process=10, imports=20, verify=30, load=40), uri="a", first_call=Call(seconds=1.0)
        )
        job = Job(audio_hours=10_000, deadline=24 * 3600, ready_after=500)
        found = plan(job, self.series(9.0, starts=(start,)))
        assert found.boxes == 38
        assert found.box_hours == pytest.approx(900 + 38 * 600 / 3600)

    def test_a_box_more_is_taken_where_the_start_leaves_too_little_time(self):
        tight = Job(audio_hours=100, deadline=3600, ready_after=1800)
        assert plan(tight, self.series(10.0)).boxes == 20

    def test_the_cautious_plan_takes_the_slowest_calls(self):
        series = self.series(9.0, 9.0, 18.0)
        assert (plan(self.JOB, series).boxes, cautious_plan(self.JOB, series).boxes) == (38, 75)

    def test_a_deadline_before_any_box_is_ready_is_refused(self):
        with pytest.raises(UsageError, match="needs 90000 s before it diarizes"):
            plan(Job(audio_hours=1, deadline=86_400, ready_after=90_000), self.series(9.0))
