"""`benchmark` and its verbs, in this process, on reports made by hand."""

import json
import re
from dataclasses import replace

import pytest
from support.benchmarks import measurement, report

from diarize_runner.benchmark.measurement import Call, Stages
from diarize_runner.benchmark.report import Price


@pytest.fixture
def written(tmp_path):
    def write(name, told):
        path = tmp_path / name
        path.write_bytes(told.to_json())
        return path

    return write


@pytest.fixture
def fast(written):
    return written("fast.json", report(measurement("a", 100.0, 9.0), price=Price(usd_per_hour=0.5, source="--price")))


@pytest.fixture
def slow(written):
    return written("slow.json", report(measurement("a", 100.0, 10.0)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["benchmark", "--repeats", "0"],
        ["benchmark", "run", "--starts", "0"],
        ["benchmark", "--warmups", "-1"],
        ["benchmark", "--reference", "a.rttm"],
        ["benchmark", "a.wav", "--workload", "guide"],
        ["benchmark", "-o", "same", "--output-html", "same"],
        ["benchmark", "compare", "a.json"],
        ["benchmark", "compare", "a.json", "b.json", "--fail-if-slower", "ten"],
        ["benchmark", "plan", "a.json", "--hours", "1", "--deadline", "soon"],
        ["benchmark", "plan", "a.json", "--hours", "0", "--deadline", "1h"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_exit_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).exit_code == 2


def test_without_a_verb_it_is_run_whose_process_says_what_is_wrong_with_the_cache(run, speech, tmp_path):
    ran = run("benchmark", speech, "--cache", tmp_path / "nowhere", "--json")
    assert ran.exit_code == 1
    assert ran.document["error"].startswith(f"{tmp_path}/nowhere holds no restored cache")


def test_compare_says_how_much_slower_and_fails_where_that_is_too_much(run, fast, slow):
    known = run("benchmark", "compare", fast, slow, "--json")
    assert (known.exit_code, known.document["ratio"]) == (0, pytest.approx(10 / 9))
    assert run("benchmark", "compare", fast, slow, "--fail-if-slower", "12%").exit_code == 0
    failed = run("benchmark", "compare", fast, slow, "--fail-if-slower", "10%")
    assert failed.exit_code == 1
    assert "in all, B takes 1.111 times as long as A; the limit is 1.100" in failed.stderr


def test_compare_refuses_unlike_environments_unless_told(run, fast, written):
    other = written("other.json", report(measurement("a", 100.0, 9.0), cache="tiny 2.0 sha256:11"))
    refused = run("benchmark", "compare", fast, other)
    assert refused.exit_code == 2
    assert "cache: tiny 1.0 sha256:00, then tiny 2.0 sha256:11" in refused.stderr
    told = run("benchmark", "compare", fast, other, "--across-environments", "--json")
    assert (told.exit_code, len(told.document["differences"])) == (0, 1)


def test_a_plan_says_boxes_and_dollars_and_what_is_not_known(run, fast):
    planned = run("benchmark", "plan", fast, "--hours", "10000", "--deadline", "24h", "--json").document
    assert (planned["median_calls"]["boxes"], planned["median_calls"]["usd"]) == (38, pytest.approx(450.0))
    said = run("benchmark", "plan", fast, "--hours", "10000", "--deadline", "1d").stderr
    assert "38 boxes, done after 23.7 h, 900.0 box hours, $450.00" in said
    assert "measured on cpu, 2 cores of Some CPU: it is not known how a g4dn.xlarge compares" in said
    assert "how long a box loads was not measured" in said


def test_a_plan_without_a_price_has_none(run, slow):
    planned = run("benchmark", "plan", slow, "--hours", "10", "--deadline", "90m", "--json").document
    assert planned["median_calls"]["usd"] is planned["price"] is None


def test_a_report_is_written_in_every_other_format(run, fast, tmp_path):
    ran = run(
        *("benchmark", "render", fast, "-o", tmp_path / "again.json", "--output-markdown", tmp_path / "out/r.md"),
        *("--output-html", tmp_path / "r.html", "--output-junit", tmp_path / "r.xml"),
    )
    assert ran.exit_code == 0, ran.stderr
    assert (tmp_path / "again.json").read_bytes() == fast.read_bytes()
    assert (tmp_path / "out/r.md").read_text().startswith("# Benchmark")
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")


def test_the_tables_of_a_document_are_made_anew_and_then_stay(run, fast, tmp_path):
    document = tmp_path / "README.md"
    document.write_text("<!-- benchmark fast.json -->\nold\n<!-- end of benchmark -->\n")
    first = run("benchmark", "readme", document, "--json").document
    second = run("benchmark", "readme", document, "--json").document
    assert (first["changed"], second["changed"]) == (True, False)
    assert "| a | 100 s | exact | 9.00 s | 0.090 |" in document.read_text()


def test_a_readme_that_names_a_report_that_is_not_there_is_left_as_it_is(run, tmp_path):
    document = tmp_path / "README.md"
    document.write_text("<!-- benchmark gone.json -->\nold\n<!-- end of benchmark -->\n")
    ran = run("benchmark", "readme", document, "--json")
    assert ran.exit_code == 1
    assert "gone.json" in json.loads(ran.stdout)["error"]
    assert "old" in document.read_text()


def test_a_recording_that_is_not_there_is_named_before_anything_is_loaded(run, tmp_path, monkeypatch):
    monkeypatch.setattr("diarize_runner.cli.benchmark_run._launch", lambda *_: pytest.fail("an engine was started"))
    ran = run("benchmark", tmp_path / "gone.wav")
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"error: there is no file {tmp_path}/gone.wav\nhint: check the path")


def test_history_tells_hosts_apart_and_says_what_changed_from_report_to_report(run, tmp_path):
    for host, date, spent in [("b", "2026-11-22", 5.0), ("a", "2026-11-22", 12.0), ("a", "2026-11-21", 10.0)]:
        (tmp_path / "boxes" / host).mkdir(parents=True, exist_ok=True)
        told = report(measurement("talk", 100.0, spent), date=date)
        (tmp_path / "boxes" / host / f"{date}.json").write_bytes(told.to_json())
    found = run("benchmark", "history", tmp_path / "boxes", "--json").document["reports"]
    assert [(entry["host"], entry["date"], entry["change"]) for entry in found] == [
        ("a", "2026-11-21", None),
        ("a", "2026-11-22", pytest.approx(1.2)),
        ("b", "2026-11-22", None),
    ]
    said = run("benchmark", "history", tmp_path / "boxes").stderr
    assert re.search(r"^a +2026-11-22 00:00 +tiny +exact +cpu +0\.120 +\+20\.0 % +█", said, re.MULTILINE)


def test_what_else_lies_among_reports_is_passed_over(run, tmp_path):
    (tmp_path / "a.json").write_bytes(report(measurement("talk", 100.0, 5.0)).to_json())
    (tmp_path / "b.json").write_text('{"format": "somebody/else"}')
    assert [entry["host"] for entry in run("benchmark", "history", tmp_path, "--json").document["reports"]] == ["a"]

    (tmp_path / "c.json").write_text('{"format": "diarize-runner/benchmark/99"}')
    assert "newer" in run("benchmark", "history", tmp_path).stderr


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_history_of_nothing_is_refused(scheme, run, tmp_path):
    ran = run("benchmark", "history", f"{scheme}{tmp_path}")
    assert ran.exit_code == 2
    assert "holds no reports" in ran.stderr


def test_the_history_of_a_store_is_that_of_what_was_published_there(run, written, tmp_path):
    store = (tmp_path / "store").as_uri()
    for host, date, spent in [("b", "2026-11-22", 5.0), ("a", "2026-11-22", 12.0), ("a", "2026-11-21", 10.0)]:
        told = written("told.json", report(measurement("talk", 100.0, spent), date=f"{date}T12:30:05+00:00"))
        assert run("benchmark", "publish", told, "--store", store, "--host", host).exit_code == 0
    found = run("benchmark", "history", store, "--json").document["reports"]
    assert [(entry["host"], entry["change"]) for entry in found] == [
        ("a", None),
        ("a", pytest.approx(1.2)),
        ("b", None),
    ]
    assert (tmp_path / "store/benchmarks/b/20261122T123005Z.json").is_file()


def test_a_history_is_drawn_on_one_page_with_a_plot_for_each_host(run, tmp_path):
    days = ["2026-11-21T00:00:00+00:00", "2026-11-22T00:00:00+00:00", None]
    for host, dates in {"a": days[:2], "<b>": days[1:], "undated": days[2:]}.items():
        (tmp_path / "boxes" / host).mkdir(parents=True)
        for date in dates:
            told = report(measurement("hour", 3600.0, 30.0), measurement("<i>", 30.0, 2.0), date=date)
            (tmp_path / "boxes" / host / f"{date}.json").write_bytes(told.to_json())
    ran = run("benchmark", "history", tmp_path / "boxes", "--output-html", tmp_path / "page.html")
    assert ran.exit_code == 0, ran.stderr
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 2
    assert "in no plot: 2" in page
    assert page.index("30 s: &lt;i&gt;, exact on cpu") < page.index("60 min: hour, exact on cpu")
    assert "<h2>&lt;b&gt;</h2>" in page
    assert "<i>" not in page
    assert "<b>" not in page


def test_a_report_is_published_once_and_another_of_the_same_second_is_refused(run, fast, slow, tmp_path):
    store = (tmp_path / "store").as_uri()
    first, second = (run("benchmark", "publish", fast, "--store", store, "--json").document for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    other = run("benchmark", "publish", slow, "--store", store)
    assert other.exit_code == 1
    assert f"has another report as {first['key']}" in other.stderr
    (kept,) = (tmp_path / "store").rglob("*.json")
    assert kept.read_bytes() == fast.read_bytes()


@pytest.mark.parametrize(
    ("date", "host", "said"),
    [
        (None, "box", "that is not known"),
        ("yesterday", "box", "that is yesterday"),
        ("2026-11-21T00:00:00+00:00", "../box", "no name of a host"),
        ("2026-11-21T00:00:00+00:00", "", "no name of a host"),
    ],
)
def test_what_cannot_be_named_is_not_published(date, host, said, run, written, tmp_path):
    told = written("told.json", report(measurement("a", 100.0, 9.0), date=date))
    ran = run("benchmark", "publish", told, "--store", (tmp_path / "store").as_uri(), "--host", host)
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (tmp_path / "store").exists()


def test_what_is_no_report_is_not_published(run, tmp_path):
    (tmp_path / "told.json").write_text("{}")
    ran = run("benchmark", "publish", tmp_path / "told.json", "--store", (tmp_path / "store").as_uri())
    assert ran.exit_code == 1
    assert not (tmp_path / "store").exists()


def test_a_report_that_holds_a_token_is_not_published(run, written, tmp_path):
    token = "hf_" + "x" * 34
    told = written("told.json", report(measurement(token, 100.0, 9.0)))
    ran = run("benchmark", "publish", told, "--store", (tmp_path / "store").as_uri())
    assert ran.exit_code == 1
    assert "holds what looks like a Hugging Face token" in ran.stderr
    assert token not in ran.stderr
    assert not (tmp_path / "store").exists()


def test_a_store_that_is_read_by_name_has_no_history_to_list(run):
    ran = run("benchmark", "history", "https://models.example.org/store")
    assert ran.exit_code == 2
    assert "https://models.example.org/store cannot be listed" in ran.stderr
    assert "hint: name the folder or the bucket that it serves" in ran.stderr


def test_reports_in_a_store_are_no_versions_and_no_prune_takes_them(run, store, fast):
    key = run("benchmark", "publish", fast, "--store", store, "--host", "v9", "--json").document["key"]
    assert [each["version"] for each in run("cache", "list", "--store", store, "--json").document["versions"]] == [
        "1.0"
    ]
    pruned = run("cache", "prune", "--store", store, "--keep", "1", "--json").document
    assert (pruned["changed"], pruned["keep"], key) == (False, ["1.0"], "benchmarks/v9/20261121T000000Z.json")
    assert len(run("benchmark", "history", store, "--json").document["reports"]) == 1


class TestAProjection:
    CALL = Call(
        seconds=25.0, stages=Stages(segmentation=2.5, embedding=20.0, clustering=0.2, reconstruction=0.05, decode=1.0)
    )

    def test_takes_the_trunk_from_its_operations_and_the_rest_from_the_cpu(self, run, written):
        measured = replace(measurement("a", 100.0), calls=(self.CALL,))
        ran = run("benchmark", "project", written("told.json", report(measured)), "--json")
        least, most = 3591 * 45.2e9 / (0.6 * 8.1e12), 3591 * 45.2e9 / (0.25 * 8.1e12)
        assert ran.document["embedding_seconds"] == pytest.approx({"least": least, "most": most})
        assert ran.document["segmentation_seconds"] == pytest.approx({"least": 0.0, "most": 90.0})
        assert ran.document["cpu_seconds"] == pytest.approx(9.0)
        assert ran.document["seconds"] == pytest.approx({"least": least + 9, "most": most + 99})
        assert ran.document["measured"] is False

    def test_says_that_it_is_none_that_was_measured(self, run, written):
        told = written("told.json", report(replace(measurement("a", 100.0), calls=(self.CALL,))))
        said = " ".join(run("benchmark", "project", told).stderr.split())
        assert said.startswith("Projected, not measured: on a T4 the exact engine would take 42 to 179 s")
        assert "That CPU: 2 cores of Some CPU" in said

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            (report(measurement("a", 1.0, 1.0), engine="stock"), "and the report has: stock on cpu"),
            (report(measurement("a", 1.0, 1.0)), "the report lacks seconds of segmentation"),
        ],
        ids=["stock", "no stages"],
    )
    def test_is_refused_where_what_it_needs_was_not_measured(self, told, said, run, written):
        ran = run("benchmark", "project", written("told.json", told))
        assert ran.exit_code == 2
        assert said in ran.stderr

    def test_stands_in_a_document_between_two_lines(self, run, written, tmp_path):
        written("told.json", report(replace(measurement("a", 100.0), calls=(self.CALL,))))
        document = tmp_path / "README.md"
        document.write_text("<!-- projection told.json -->\nwhat somebody typed\n<!-- end of projection -->\n")
        first, second = (run("benchmark", "readme", document, "--json").document["changed"] for _ in range(2))
        assert (first, second) == (True, False)
        assert "somebody typed" not in document.read_text()
        assert "**Projected, not measured**" in document.read_text()


def test_json_is_not_written_into_what_is_named_as_a_page(run, written, tmp_path):
    told = written("told.json", report(measurement("talk", 100.0, 5.0)))
    ran = run("benchmark", "render", told, "-o", tmp_path / "told.html")
    assert ran.exit_code == 2
    assert ran.stderr.endswith(f"told.html is not named as JSON\nhint: --output-html {tmp_path}/told.html\n")
    assert not (tmp_path / "told.html").exists()
