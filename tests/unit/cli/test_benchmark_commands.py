"""`benchmark` and its verbs, in this process, on reports made by hand."""

import json

import pytest
from support.benchmarks import measurement, report

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
    assert "+20.0 %" in run("benchmark", "history", tmp_path / "boxes").stderr


def test_a_history_of_nothing_is_refused(run, tmp_path):
    assert run("benchmark", "history", tmp_path).exit_code == 2
