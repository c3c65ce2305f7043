"""The load of the service: what is read of locust's answers, and the figures that come of them."""

import json

import pytest

from benchmarks.service import __main__ as program
from benchmarks.service.answers import Answer, count_statuses, percentile, read_answers, summarise, summarise_by_name
from benchmarks.service.memory import MemoryLog, slope, summarise_memory
from benchmarks.service.page import table
from benchmarks.service.scenarios.slow_clients import count_ends
from benchmarks.service.scenarios.throughput import compare, last_end
from benchmarks.service.scenarios.uploads import describe_accepted
from benchmarks.service.server import parse_jobs


def answer(status, seconds=1.0, **fields):
    return Answer(**{"name": "POST /v1/jobs", "at": 100.0, "seconds": seconds, "status": status, **fields})


class TestAnswers:
    def test_each_line_is_an_answer(self, tmp_path):
        line = {"name": "/livez", "at": 1.5, "seconds": 0.25, "status": 200, "error": "", "location": ""}
        (tmp_path / "answers").write_text(json.dumps(line) + "\n")
        assert read_answers(tmp_path / "answers") == [Answer(name="/livez", at=1.5, seconds=0.25, status=200)]

    def test_a_line_that_was_cut_off_is_left_out(self, tmp_path):
        line = json.dumps({"name": "/livez", "at": 1.5, "seconds": 0.25, "status": 200})
        (tmp_path / "answers").write_text(f"{line}\n{line[:20]}")
        assert len(read_answers(tmp_path / "answers")) == 1

    def test_no_file_is_no_answer(self, tmp_path):
        assert read_answers(tmp_path / "answers") == []

    @pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 50), (99, 99), (100, 100)])
    def test_a_percentile_is_one_of_the_values(self, percent, value):
        assert percentile(reversed(range(1, 101)), percent) == value

    def test_no_values_have_no_percentile(self):
        with pytest.raises(ValueError, match="no values"):
            percentile([], 50)

    def test_the_status_codes_are_counted_in_order(self):
        counts = count_statuses([answer(429), answer(202), answer(0), answer(429)])
        assert list(counts.items()) == [("none", 1), ("202", 1), ("429", 2)]

    def test_only_503_and_507_are_deliberate_server_errors(self):
        assert summarise([answer(status) for status in (202, 500, 503, 504, 507)])["server_errors"] == 2

    def test_times_are_of_answered_requests_only(self):
        summary = summarise([answer(200, 1.0), answer(200, 3.0), answer(0, 60.0)])
        assert (summary["unanswered"], summary["p50_seconds"], summary["p99_seconds"]) == (1, 1.0, 3.0)

    def test_without_an_answer_there_is_no_percentile(self):
        assert "p50_seconds" not in summarise([answer(0)])

    def test_requests_without_an_answer_are_counted_by_their_errors(self):
        reset = answer(0, error="connection reset")
        assert summarise([reset, answer(200), reset])["errors"] == {"connection reset": 2}

    def test_each_name_has_a_summary(self):
        by_name = summarise_by_name([answer(200, name="b"), answer(202, name="a"), answer(429, name="a")])
        assert [(name, found["requests"]) for name, found in by_name.items()] == [("a", 2), ("b", 1)]


class TestAcceptedUploads:
    def test_a_job_that_the_server_does_not_list_is_lost(self):
        accepted = [answer(202, location="/v1/jobs/a"), answer(202, location="/v1/jobs/b")]
        assert describe_accepted(accepted, [{"id": "a", "state": "succeeded"}])["lost"] == 1

    def test_the_time_goes_from_the_first_request_to_the_last_acceptance(self):
        answers = [answer(429, 1.0, at=100.0), answer(202, 2.0, at=107.0), answer(429, 9.0, at=108.0)]
        assert describe_accepted(answers, [])["seconds_until_all_accepted"] == 9.0

    def test_jobs_are_counted_by_state(self):
        jobs = [{"id": "a", "state": "succeeded"}, {"id": "b", "state": "failed"}, {"id": "c", "state": "succeeded"}]
        assert describe_accepted([answer(202)], jobs)["jobs"] == {"succeeded": 2, "failed": 1}


class TestMemory:
    def test_the_summary_has_the_sizes_after_each_third(self):
        summary = summarise_memory([(0.0, 10), (10.0, 20), (20.0, 90), (30.0, 40)])
        names = ("start_bytes", "first_third_bytes", "second_third_bytes", "end_bytes", "max_bytes")
        assert [summary[name] for name in names] == [10, 20, 90, 40, 90]

    def test_the_growth_leaves_out_the_first_third(self):
        samples = [(0.0, 1_000_000), (10.0, 100), (20.0, 110), (30.0, 120)]
        assert summarise_memory(samples)["bytes_per_hour_after_first_third"] == 3600

    def test_one_sample_does_not_grow(self):
        assert slope([(5.0, 100)]) == 0.0

    def test_a_process_that_has_ended_has_no_sample(self):
        log = MemoryLog()
        log.add(1.0, {"web": 100, "model": 0})
        assert log.samples == {"web": [(1.0, 100)]}


class TestScenarios:
    def test_the_ends_of_slow_connections_are_counted_by_kind(self):
        ends = [
            answer(0, name="slow headers", error="held to the end"),
            answer(429, name="slow body", error="answered"),
            answer(0, name="slow body", error="closed by the server"),
        ]
        assert count_ends(ends) == {
            "slow headers": {"held to the end": 1},
            "slow body": {"answered 429": 1, "closed by the server": 1},
        }

    def test_the_ratio_is_of_medians_and_above_1_if_the_service_is_faster(self):
        rounds = [{"service": {"seconds": s}, "command": {"seconds": c}} for s, c in ((10, 12), (90, 12), (10, 99))]
        assert compare(rounds)["throughput_ratio"] == 1.2

    def test_the_last_end_is_the_latest_of_all_jobs(self):
        ends = ("1970-01-01T00:00:01.500000Z", "1970-01-01T00:00:03Z", "1970-01-01T00:00:02Z")
        assert last_end([{"finished_at": end} for end in ends]) == 3.0

    def test_the_metrics_tell_the_number_of_jobs_by_state(self):
        text = (
            '# HELP diarize_runner_jobs Jobs.\ndiarize_runner_jobs{state="queued"} 12.0\ndiarize_runner_uploads 3.0\n'
        )
        assert parse_jobs(text) == {"queued": 12}


class TestReport:
    def test_all_scenarios_run_by_default(self):
        assert program.parse([]).only == [*program.SCENARIOS]

    def test_a_scenario_can_be_run_by_itself(self):
        assert program.parse(["--only", "soak", "--soak-minutes", "0.5"]).only == ["soak"]

    def test_the_table_names_lost_uploads(self):
        memory = {"web": summarise_memory([(0.0, 100_000_000), (9.0, 120_000_000)])}
        figures = {
            "uploads": 3,
            "statuses": {"202": 3, "429": 5},
            "memory": memory,
            **describe_accepted([answer(202, location="/v1/jobs/a")] * 3, []),
        }
        rows = table({"uploads": figures}).rows
        assert ("uploads", "accepted, of", "3 of 3, 3 lost") in rows
        assert ("uploads", "status codes", "3 202, 5 429") in rows
        assert rows[-1][1:] == (
            "web process: RSS at start, at end, most",
            "100, 120, 120 MB; +0.0 MB/h after the first third",
        )
