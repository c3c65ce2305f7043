"""The `benchmark` commands, on handmade reports."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from support.benchmarks import Clock, Launcher, measurement, report, write_rttm, write_two_seconds

from diarize_runner.benchmark.measurement import Call, Stages
from diarize_runner.benchmark.report import Price


@pytest.fixture
def write_report(tmp_path):
    """Write a report to a file."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.to_json())
        return path

    return write


@pytest.fixture
def fast(write_report):
    return write_report(
        "fast.json", report(measurement("a", 100.0, 9.0), price=Price(usd_per_hour=0.5, source="--price"))
    )


@pytest.fixture
def slow(write_report):
    return write_report("slow.json", report(measurement("a", 100.0, 10.0)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["benchmark", "--repeats", "0"],
        ["benchmark", "run", "--starts", "0"],
        ["benchmark", "--warmups", "-1"],
        ["benchmark", "--reference", "a.rttm"],
        ["benchmark", "--transcribe", "--spoken", "a.stm"],
        ["benchmark", "a.wav", "--spoken", "a.stm"],
        ["benchmark", "a.wav", "--language", "de"],
        ["benchmark", "a.wav", "--workload", "guide"],
        ["benchmark", "-o", "same", "--output-html", "same"],
        ["benchmark", "compare", "a.json"],
        ["benchmark", "compare", "a.json", "b.json", "--fail-if-slower", "ten"],
        ["benchmark", "plan", "a.json", "--hours", "1", "--deadline", "soon"],
        ["benchmark", "plan", "a.json", "--hours", "0", "--deadline", "1h"],
    ],
    ids=" ".join,
)
def test_an_invalid_command_line_exits_with_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).exit_code == 2


def test_benchmark_without_a_verb_is_benchmark_run_and_reports_a_missing_cache(run, speech, tmp_path):
    ran = run("benchmark", speech, "--cache", tmp_path / "nowhere", "--json")
    assert ran.exit_code == 1
    assert ran.document["error"].startswith(f"{tmp_path}/nowhere holds no restored cache")


def test_compare_fails_if_the_second_report_is_too_slow(run, fast, slow):
    passed = run("benchmark", "compare", fast, slow, "--json")
    assert (passed.exit_code, passed.document["ratio"]) == (0, pytest.approx(10 / 9))
    assert run("benchmark", "compare", fast, slow, "--fail-if-slower", "12%").exit_code == 0
    failed = run("benchmark", "compare", fast, slow, "--fail-if-slower", "10%")
    assert failed.exit_code == 1
    assert "in total, B takes 1.111 times as long as A; the limit is 1.100" in failed.stderr


def test_compare_refuses_different_environments_without_an_option(run, fast, write_report):
    other = write_report("other.json", report(measurement("a", 100.0, 9.0), cache="tiny 2.0 sha256:11"))
    refused = run("benchmark", "compare", fast, other)
    assert refused.exit_code == 2
    assert "cache: tiny 1.0 sha256:00, then tiny 2.0 sha256:11" in refused.stderr
    allowed = run("benchmark", "compare", fast, other, "--across-environments", "--json")
    assert (allowed.exit_code, len(allowed.document["differences"])) == (0, 1)


def test_a_plan_has_boxes_cost_and_cautions(run, fast):
    planned = run("benchmark", "plan", fast, "--hours", "10000", "--deadline", "24h", "--json").document
    assert (planned["median_calls"]["boxes"], planned["median_calls"]["usd"]) == (38, pytest.approx(450.0475))
    text = run("benchmark", "plan", fast, "--hours", "10000", "--deadline", "1d").stderr
    assert "38 boxes, done after 23.7 h, 900.1 box hours, $450.05" in text
    assert "Caution: measured on cpu, 2 cores of Some CPU: the speed of a g4dn.xlarge is unknown." in text
    assert "Caution: loading time was not measured, and is not included." in text


def test_a_plan_takes_the_only_engine_besides_stock(run, write_report):
    only_fast = write_report("only.json", report(measurement("talk", 100.0, 5.0), engine="fast"))
    assert (
        run("benchmark", "plan", only_fast, "--hours", "10", "--deadline", "1h", "--json").document["engine"] == "fast"
    )
    only_stock = write_report("stock.json", report(measurement("talk", 100.0, 5.0), engine="stock"))
    ran = run("benchmark", "plan", only_stock, "--hours", "10", "--deadline", "1h")
    assert ran.exit_code == 2
    assert "the report has 0 series besides stock, expected 1\nhint: choose --engine" in ran.stderr


def test_a_plan_without_a_price_has_no_cost(run, slow):
    planned = run("benchmark", "plan", slow, "--hours", "10", "--deadline", "90m", "--json").document
    assert planned["median_calls"]["usd"] is planned["price"] is None


def test_render_writes_every_format(run, fast, tmp_path):
    ran = run(
        *("benchmark", "render", fast, "-o", tmp_path / "again.json", "--output-markdown", tmp_path / "out/r.md"),
        *("--output-html", tmp_path / "r.html", "--output-junit", tmp_path / "r.xml"),
    )
    assert ran.exit_code == 0, ran.stderr
    assert (tmp_path / "again.json").read_bytes() == fast.read_bytes()
    assert (tmp_path / "out/r.md").read_text().startswith("# Benchmark")
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")


def test_readme_regenerates_tables_and_a_second_run_changes_nothing(run, fast, tmp_path):
    document = tmp_path / "README.md"
    document.write_text("<!-- benchmark fast.json -->\nold\n<!-- end of benchmark -->\n")
    first = run("benchmark", "readme", document, "--json").document
    second = run("benchmark", "readme", document, "--json").document
    assert (first["changed"], second["changed"]) == (True, False)
    assert "| a | 100 s | exact | 9.00 s | 0.090 |" in document.read_text()


def test_readme_does_not_change_a_document_that_names_a_missing_report(run, tmp_path):
    document = tmp_path / "README.md"
    document.write_text("<!-- benchmark gone.json -->\nold\n<!-- end of benchmark -->\n")
    ran = run("benchmark", "readme", document, "--json")
    assert ran.exit_code == 1
    assert "gone.json" in json.loads(ran.stdout)["error"]
    assert "old" in document.read_text()


def test_a_missing_recording_is_reported_before_an_engine_starts(run, tmp_path, monkeypatch):
    monkeypatch.setattr("diarize_runner.cli.benchmark_run._launch", lambda *_: pytest.fail("an engine was started"))
    ran = run("benchmark", tmp_path / "gone.wav")
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"error: there is no file {tmp_path}/gone.wav\nhint: check the path")


class TestAFolderOfRecordingsWithReferences:
    @pytest.fixture
    def folder(self, tmp_path):
        """Two recordings of 2 s; the engine finds a speaker in each second."""
        folder = tmp_path / "meetings"
        folder.mkdir()
        for name, turns in {"right": [(0, 1, "anna"), (1, 2, "ben")], "wrong": [(0, 2, "anna")]}.items():
            write_two_seconds(folder, name)
            write_rttm(folder / f"{name}.rttm", turns)
        return folder

    @pytest.fixture
    def engine(self, tmp_path, monkeypatch):
        launcher = Launcher(tmp_path, Clock(), {"exact": [1.0], "fast": [0.25]})
        monkeypatch.setattr("diarize_runner.cli.benchmark_run._launch", lambda *arguments: launcher(*arguments[-2:]))
        return launcher

    def test_is_measured_scored_and_drawn(self, run, folder, engine, tmp_path):
        outputs = ("-o", tmp_path / "r.json", "--output-html", tmp_path / "r.html")
        ran = run("benchmark", "run", "--workload", folder, *outputs)
        assert ran.exit_code == 0, ran.stderr
        assert "exact: DER 25.0 % (missed 0.0 %, false alarm 0.0 %, confusion 25.0 %), JER" in ran.stderr
        assert "right speaker counts 1 of 2" in ran.stderr
        assert engine.calls == ["exact"] * 3, "a cold start, and each recording once"
        written = json.loads((tmp_path / "r.json").read_bytes())
        assert written["workload"] == "meetings"
        assert written["series"][0]["accuracy"]["der"] == pytest.approx(0.25)
        assert 'id="recording-0-1"' in (tmp_path / "r.html").read_text()

    def test_is_drawn_again_from_its_report_alone(self, run, folder, engine, tmp_path):
        outputs = ("-o", tmp_path / "r.json", "--output-html", tmp_path / "r.html")
        assert run("benchmark", "--workload", folder, *outputs).exit_code == 0
        shutil.rmtree(folder)
        assert run("benchmark", "render", tmp_path / "r.json", "--output-html", tmp_path / "again.html").exit_code == 0
        assert (tmp_path / "again.html").read_bytes() == (tmp_path / "r.html").read_bytes()

    def test_takes_the_options_of_other_workloads(self, run, folder, engine):
        assert run("benchmark", "--workload", folder, "--repeats", "2", "--warmups", "1").exit_code == 0
        assert engine.calls == ["exact"] * 7

    def test_compares_two_engines_in_alternation(self, run, folder, engine, tmp_path):
        engines = ("--engine", "fast", "--against", "exact")
        assert run("benchmark", "--workload", folder, *engines, "-o", tmp_path / "r.json").exit_code == 0
        written = json.loads((tmp_path / "r.json").read_bytes())
        assert [series["engine"] for series in written["series"]] == ["exact", "fast"]
        assert all(series["accuracy"]["recordings"] == 2 for series in written["series"])

    def test_without_a_reference_is_refused_before_an_engine_starts(self, run, folder, engine):
        (folder / "wrong.rttm").unlink()
        ran = run("benchmark", "--workload", folder)
        assert ran.exit_code == 2
        assert ran.stderr.startswith(f"error: {folder}/wrong.wav has no reference wrong.rttm\nhint: ")
        assert engine.started == []

    def test_with_a_reference_beyond_the_end_is_refused_before_an_engine_starts(self, run, folder, engine):
        write_rttm(folder / "wrong.rttm", [(0, 3, "anna")])
        ran = run("benchmark", "--workload", folder)
        assert ran.exit_code == 2
        assert "wrong.rttm goes on to 3.0 s, but wrong.wav ends at 2.0 s\nhint: " in ran.stderr
        assert engine.started == []


def test_history_shows_the_change_from_report_to_report_for_each_host(run, tmp_path):
    for host, date, seconds in [("b", "2026-11-22", 5.0), ("a", "2026-11-22", 12.0), ("a", "2026-11-21", 10.0)]:
        (tmp_path / "boxes" / host).mkdir(parents=True, exist_ok=True)
        content = report(measurement("talk", 100.0, seconds), date=date)
        (tmp_path / "boxes" / host / f"{date}.json").write_bytes(content.to_json())
    entries = run("benchmark", "history", tmp_path / "boxes", "--json").document["reports"]
    assert [(entry["host"], entry["date"], entry["change"]) for entry in entries] == [
        ("a", "2026-11-21", None),
        ("a", "2026-11-22", pytest.approx(1.2)),
        ("b", "2026-11-22", None),
    ]
    text = run("benchmark", "history", tmp_path / "boxes").stderr
    assert re.search(r"^a +2026-11-22 00:00 +tiny +exact +cpu +0\.120 +\+20\.0 % +█", text, re.MULTILINE)


def test_history_skips_other_json_files(run, tmp_path):
    (tmp_path / "a.json").write_bytes(report(measurement("talk", 100.0, 5.0)).to_json())
    (tmp_path / "b.json").write_text('{"format": "somebody/else"}')
    assert [entry["host"] for entry in run("benchmark", "history", tmp_path, "--json").document["reports"]] == ["a"]

    (tmp_path / "c.json").write_text('{"format": "diarize-runner/benchmark/99"}')
    assert "newer" in run("benchmark", "history", tmp_path).stderr


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_history_refuses_an_empty_folder_or_store(scheme, run, tmp_path):
    ran = run("benchmark", "history", f"{scheme}{tmp_path}")
    assert ran.exit_code == 2
    assert "holds no reports" in ran.stderr


def test_history_reads_the_reports_published_to_a_store(run, write_report, tmp_path):
    store = (tmp_path / "store").as_uri()
    for host, date, seconds in [("b", "2026-11-22", 5.0), ("a", "2026-11-22", 12.0), ("a", "2026-11-21", 10.0)]:
        path = write_report("one.json", report(measurement("talk", 100.0, seconds), date=f"{date}T12:30:05+00:00"))
        assert run("benchmark", "publish", path, "--store", store, "--host", host).exit_code == 0
    entries = run("benchmark", "history", store, "--json").document["reports"]
    assert [(entry["host"], entry["change"]) for entry in entries] == [
        ("a", None),
        ("a", pytest.approx(1.2)),
        ("b", None),
    ]
    assert (tmp_path / "store/benchmarks/b/20261122T123005Z.json").is_file()


def test_history_writes_one_page_with_a_plot_for_each_host(run, tmp_path):
    days = ["2026-11-21T00:00:00+00:00", "2026-11-22T00:00:00+00:00", None]
    for host, dates in {"a": days[:2], "<b>": days[1:], "undated": days[2:]}.items():
        (tmp_path / "boxes" / host).mkdir(parents=True)
        for date in dates:
            content = report(measurement("hour", 3600.0, 30.0), measurement("<i>", 30.0, 2.0), date=date)
            (tmp_path / "boxes" / host / f"{date}.json").write_bytes(content.to_json())
    ran = run("benchmark", "history", tmp_path / "boxes", "--output-html", tmp_path / "page.html")
    assert ran.exit_code == 0, ran.stderr
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 2
    assert "Not plotted, because they have no valid date: 2" in page
    assert page.index("30 s: &lt;i&gt;, exact on cpu") < page.index("60 min: hour, exact on cpu")
    assert "<h2>&lt;b&gt;</h2>" in page
    assert "<i>" not in page
    assert "<b>" not in page


def test_publish_is_idempotent_and_refuses_another_report_of_the_same_second(run, fast, slow, tmp_path):
    store = (tmp_path / "store").as_uri()
    first, second = (run("benchmark", "publish", fast, "--store", store, "--json").document for _ in range(2))
    assert (first["changed"], second["changed"]) == (True, False)
    other = run("benchmark", "publish", slow, "--store", store)
    assert other.exit_code == 1
    assert f"has another report as {first['key']}" in other.stderr
    (kept,) = (tmp_path / "store").rglob("*.json")
    assert kept.read_bytes() == fast.read_bytes()


@pytest.mark.parametrize(
    ("date", "host", "problem"),
    [
        (None, "box", "the report has no usable date: missing"),
        ("yesterday", "box", "the report has no usable date: yesterday"),
        ("2026-11-21T00:00:00+00:00", "../box", "'../box' is not a valid host name"),
        ("2026-11-21T00:00:00+00:00", "", "'' is not a valid host name"),
    ],
)
def test_publish_refuses_an_invalid_date_or_host(date, host, problem, run, write_report, tmp_path):
    path = write_report("one.json", report(measurement("a", 100.0, 9.0), date=date))
    ran = run("benchmark", "publish", path, "--store", (tmp_path / "store").as_uri(), "--host", host)
    assert ran.exit_code == 2
    assert problem in ran.stderr
    assert not (tmp_path / "store").exists()


def test_publish_refuses_a_file_that_is_not_a_report(run, tmp_path):
    (tmp_path / "one.json").write_text("{}")
    ran = run("benchmark", "publish", tmp_path / "one.json", "--store", (tmp_path / "store").as_uri())
    assert ran.exit_code == 1
    assert not (tmp_path / "store").exists()


def test_publish_refuses_a_report_with_a_token(run, write_report, tmp_path):
    token = "hf_" + "x" * 34
    path = write_report("one.json", report(measurement(token, 100.0, 9.0)))
    ran = run("benchmark", "publish", path, "--store", (tmp_path / "store").as_uri())
    assert ran.exit_code == 1
    assert "holds what looks like a Hugging Face token" in ran.stderr
    assert token not in ran.stderr
    assert not (tmp_path / "store").exists()


def test_history_refuses_a_store_that_cannot_be_listed(run):
    ran = run("benchmark", "history", "https://models.example.org/store")
    assert ran.exit_code == 2
    assert "https://models.example.org/store cannot be listed" in ran.stderr
    assert "hint: pass the folder or the bucket that it serves" in ran.stderr


def test_cache_list_and_prune_ignore_reports_in_a_store(run, store, fast):
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

    def test_takes_the_embedding_from_its_operations_and_segmentation_from_the_cpu(self, run, write_report):
        measured = replace(measurement("a", 100.0), calls=(self.CALL,))
        ran = run("benchmark", "project", write_report("one.json", report(measured)), "--json")
        least, most = 3591 * 45.2e9 / (0.6 * 8.1e12), 3591 * 45.2e9 / (0.25 * 8.1e12)
        assert ran.document["embedding_seconds"] == pytest.approx({"least": least, "most": most})
        assert ran.document["segmentation_seconds"] == pytest.approx({"least": 0.0, "most": 90.0})
        assert ran.document["cpu_seconds"] == pytest.approx(9.0 + 0.07)
        assert ran.document["seconds"] == pytest.approx({"least": least + 9.07, "most": most + 99.07})
        assert ran.document["measured"] is False

    def test_of_the_fast_engine_takes_counted_work_launches_and_the_cpu(self, run, write_report):
        measured = replace(measurement("a", 100.0), calls=(self.CALL,))
        ran = run("benchmark", "project", write_report("one.json", report(measured, engine="fast")), "--json")
        launches, steps, cpu = 18_720, 3591 / 32 * 4 * 589, 9.0 + 0.07
        least, most = (2.6164 + 0.04416) / 0.6 + launches * 5e-6, (2.6164 + 0.04416 + 0.04704) / 0.25
        assert ran.document["engine"] == "fast"
        assert ran.document["embedding_seconds"] == pytest.approx({"least": least, "most": most})
        segmentation = {"least": 1.611 / 0.6, "most": 1.611 / 0.25 + steps * 10e-6}
        assert ran.document["segmentation_seconds"] == pytest.approx(segmentation)
        shortest, longest = (each + segmentation[name] + cpu for name, each in (("least", least), ("most", most)))
        assert ran.document["cpu_seconds"] == pytest.approx(cpu)
        assert ran.document["seconds"] == pytest.approx({"least": shortest, "most": longest})
        factors = {"least": 3600 / longest, "most": 3600 / shortest}
        assert ran.document["times_real_time"] == pytest.approx(factors)

    def test_of_the_fast_engine_names_the_time_of_each_stage(self, run, write_report):
        measured = replace(measurement("a", 100.0), calls=(self.CALL,))
        path = write_report("one.json", report(measured, engine="fast"))
        text = " ".join(run("benchmark", "project", path).stderr.split())
        assert text.startswith("Projected, not measured: on a T4 the fast engine would take 16 to 29 s")
        assert "124 to 221 times real time. Torch counts" in text
        assert "The embedding network takes 4.5 to 10.7 s, segmentation 2.7 to 9.1 s, pooling 0.1 to 0.2 s, and" in text
        assert "the CPU's stages (speaker counting, clustering, reconstruction) 9.07 s; clustering grows with" in text

    @pytest.mark.parametrize("engine", ["fast", "exact"])
    def test_does_not_take_clustering_of_short_recordings_in_proportion(self, engine, run, write_report):
        short = Call(seconds=2.0, stages=Stages(segmentation=1.0, embedding=0.9, clustering=0.01, reconstruction=0.01))
        path = write_report("one.json", report(replace(measurement("a", 100.0), calls=(short,)), engine=engine))
        ran = run("benchmark", "project", path, "--json")
        assert ran.document["cpu_seconds"] == pytest.approx(0.07 + 3.67 + 0.45)

    def test_is_marked_as_not_measured(self, run, write_report):
        path = write_report("one.json", report(replace(measurement("a", 100.0), calls=(self.CALL,))))
        text = " ".join(run("benchmark", "project", path).stderr.split())
        assert text.startswith("Projected, not measured: on a T4 the exact engine would take 42 to 179 s")
        assert "The CPU: 2 cores of Some CPU" in text

    @pytest.mark.parametrize(
        ("content", "problem", "hint"),
        [
            (
                report(measurement("a", 1.0, 1.0), engine="stock"),
                "the projection needs the fast or the exact engine on a CPU; the report has: stock on cpu",
                "measure it: diarize-runner benchmark --engine fast --device cpu -o REPORT.json",
            ),
            (
                report(measurement("a", 1.0, 1.0)),
                "the report lacks the time of segmentation",
                "measure again: old reports have no stages",
            ),
        ],
        ids=["stock", "no stages"],
    )
    def test_refuses_a_report_without_the_needed_figures(self, content, problem, hint, run, write_report):
        ran = run("benchmark", "project", write_report("one.json", content))
        assert ran.exit_code == 2
        assert ran.stderr.endswith(f"error: {problem}\nhint: {hint}\n")

    def test_is_inserted_into_a_document(self, run, write_report, tmp_path):
        write_report("one.json", report(replace(measurement("a", 100.0), calls=(self.CALL,))))
        document = tmp_path / "README.md"
        document.write_text("<!-- projection one.json -->\nold text\n<!-- end of projection -->\n")
        first, second = (run("benchmark", "readme", document, "--json").document["changed"] for _ in range(2))
        assert (first, second) == (True, False)
        assert "old text" not in document.read_text()
        assert "**Projected, not measured**" in document.read_text()


def test_render_refuses_to_write_json_to_a_file_with_another_suffix(run, write_report, tmp_path):
    path = write_report("one.json", report(measurement("talk", 100.0, 5.0)))
    ran = run("benchmark", "render", path, "-o", tmp_path / "one.html")
    assert ran.exit_code == 2
    assert ran.stderr.endswith(f"one.html has no JSON suffix\nhint: use --output-html {tmp_path}/one.html\n")
    assert not (tmp_path / "one.html").exists()
