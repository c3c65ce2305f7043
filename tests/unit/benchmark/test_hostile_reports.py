"""Untrusted reports: each is rendered, or refused with the path; names in them are never markup."""

import json
import random
import re
import tempfile
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.benchmarks import measurement, report, scored
from support.hostile_transcripts import NUMBERS, TEXTS

from diarize_runner.benchmark.compare import compare
from diarize_runner.benchmark.formats import accuracy_page, history_page, junit, markdown, page, projection, readme
from diarize_runner.benchmark.formats.history import history_table
from diarize_runner.benchmark.history import build_history
from diarize_runner.benchmark.plan import Job, cautious_plan, plan
from diarize_runner.benchmark.reading import parse_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.workload import read_workload
from diarize_runner.cli.benchmark_compare import _document as comparison_document
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.errors import DiarizeRunnerError, ManifestError

REPORT_COUNT, PAGE_COUNT = 600, 4
ROOT = Path(__file__).parents[3]
PATHS = [
    *(ROOT / f"tests/vectors/benchmark/format-{number}.json" for number in (1, 2)),
    *(ROOT / f"docs/benchmarks/{name}-2026-11-21.json" for name in ("default", "peers-twin")),
    ROOT / "docs/benchmarks/sample-2026-11-30.json",
]
JOB = Job(audio_hours=10, deadline=86_400, ready_after=60)


def shorten(value):
    """Return a document with the first two entries of each list, to save time."""
    if isinstance(value, dict):
        return {key: shorten(inner) for key, inner in value.items()}
    return list(map(shorten, value[:2])) if isinstance(value, list) else value


def scored_report():
    """Return the document of a report with references and diarizations."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(report(*scored(Path(folder))).to_json())


SEEDS = [*(shorten(json.loads(path.read_bytes())) for path in PATHS), scored_report()]


def paths_in(value):
    """Yield each (parent, key) of a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from paths_in(inner)


def mutate(number):
    """Return a seed report with one or two random changes."""
    rng = random.Random(number)
    document = json.loads(json.dumps(SEEDS[number % len(SEEDS)]))
    for _ in range(rng.choice((1, 1, 2))):
        parent, key = rng.choice(list(paths_in(document)))
        old = parent[key]
        plausible = [old[:1], old * 2, old[1:], old[::-1]] if isinstance(old, list) else [old]
        if isinstance(old, str):
            plausible = [old + rng.choice(TEXTS)] * 12
        elif isinstance(old, int | float) and not isinstance(old, bool):
            plausible = [type(old)(old * factor) for factor in (0.5, 2, 7, 1e3, 1e-3)] * 3
        parent[key] = rng.choice([*plausible, rng.choice(NUMBERS), rng.choice(TEXTS), [], {}])
    return json.dumps(document).encode()


def parse_and_render(data):
    read = parse_report(data, "report.json")
    assert parse_report(read.to_json(), "again") == read
    json.loads(read.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    ET.fromstring(junit.render(read))
    markdown.render(read)
    readme.summary_table(read)
    summary(read)
    accuracy_page.render_summary(read)
    accuracy_page.render_overlays(read)
    history_table(build_history([("host", read), ("host", read)]))
    for render in (
        lambda: projection.projection_paragraph(read),
        lambda: json.dumps(comparison_document(compare(read, read), too_slow=False), allow_nan=False),
        *(lambda series=series: (plan(JOB, series), cautious_plan(JOB, series)) for series in read.series),
    ):
        with suppress(DiarizeRunnerError):
            render()
    return read


@pytest.mark.long
def test_hostile_reports_are_rendered_or_refused():
    read, refused = [], 0
    for number in range(REPORT_COUNT):
        try:
            read.append(parse_and_render(mutate(number)))
        except ManifestError as reason:
            refused += "report.json" in reason.message
        except Exception as reason:
            raise AssertionError(f"report {number}: {reason!r}") from reason
    assert len(read) + refused == REPORT_COUNT
    assert min(len(read), refused) > REPORT_COUNT / 6, "negative control: some are refused, some are not"
    for each in read[:: len(read) // PAGE_COUNT]:
        assert page.render(each).startswith("<!doctype html>")
        assert history_page.render([("host", each)]).startswith("<!doctype html>")


def report_with(**changes):
    document = json.loads(report(measurement("a", 10.0, 1.0)).to_json())
    measured = document["series"][0]["measurements"][0]
    for key, value in changes.items():
        (measured["calls"][0] if key == "seconds" else measured if key in measured else document)[key] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"audio_seconds": 0}, r"0 s is not a valid duration in 'series\[0\]\.measurements\[0\]\.audio_seconds'"),
        ({"seconds": 0}, r"0 s is not a valid duration in 'series\[0\]\.measurements\[0\]\.calls\[0\]\.seconds'"),
        ({"seconds": 10**400}, r"a number beyond 1e\+15 in 'series\[0\]\.measurements\[0\]\.calls\[0\]\.seconds'"),
        ({"calls": []}, r"0 entries: expected 1 to 2,000,000 in 'series\[0\]\.measurements\[0\]\.calls'"),
        ({"series": []}, "0 entries: expected 1 to 50 in 'series'"),
        ({"uri": "x" * 10_001}, r"a text of more than 10,000 characters in 'series\[0\]\.measurements\[0\]\.uri'"),
    ],
)
def test_an_invalid_figure_is_refused_with_its_path(changes, problem):
    with pytest.raises(ManifestError, match=problem):
        parse_report(report_with(**changes), "report.json")
    assert parse_report(report_with(), "report.json")


def test_engines_with_different_recordings_are_refused():
    stock, exact = (report(measurement("a", 10.0, 1.0)).series[0] for _ in "ab")
    longer = replace(exact, measurements=(*exact.measurements, measurement("b", 10.0, 1.0)))
    invalid = report(series=(replace(stock, engine="stock"), replace(longer, engine="exact")))
    with pytest.raises(ManifestError, match=r"recordings or number of calls differ from stock's in 'series\[1\]'"):
        parse_report(invalid.to_json(), "report.json")


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T00:00:00"])
def test_a_date_outside_the_calendar_is_not_plotted(date):
    undated = replace(report(measurement("a", 10.0, 1.0)), date=date)
    assert "Not plotted, because they have no valid date: 1" in history_page.render([("host", undated)])


MARKUP = "a|b`c`\n# [x](javascript:1) <script>alert(1)</script> \x1b[2J\u009b\u202e\\"


def report_with_markup() -> BenchmarkReport:
    original = report(measurement(MARKUP, 10.0, 1.0))
    environment = replace(original.environment, cpu=MARKUP, packages={MARKUP: MARKUP})
    series = tuple(replace(each, engine=MARKUP, device=MARKUP) for each in original.series)
    return replace(original, environment=environment, workload=MARKUP, cache=MARKUP, series=series)


class TestNames:
    def test_are_one_cell_of_markdown_without_markup(self):
        unsafe = report_with_markup()
        text = markdown.render(unsafe) + markdown.render_table(readme.summary_table(unsafe))
        assert "\x1b" not in text
        assert not re.search(r"(?<!\\)(\\\\)*[`\[\]<>&]", text)
        for line in text.splitlines():
            if line.startswith("| "):
                assert "#" in line or "a\\|b" not in line, "a name stays in its line"
        rows = [line for line in text.splitlines() if "a\\|b" in line and line.startswith("| ")]
        bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert rows
        assert bars <= {6, 7, 8, 9, 10, 13}

    def test_are_text_in_a_page(self):
        unsafe = report_with_markup()
        for html in (page.render(unsafe), history_page.render([(MARKUP, unsafe)])):
            assert "<script" not in html
            assert 'href="javascript' not in html

    def test_are_text_in_junit(self):
        root = ET.fromstring(junit.render(report_with_markup()))
        assert [case.get("name").startswith("a|b`c`?# [x]") for case in root.iter("testcase")] == [True]
        assert len(list(root.iter())) == 2 + len(list(root.iter("testcase"))) * 2 + len(list(root.iter("property")))


@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!timestamp soon", '!!int ""', "2026-99-99", "0x" + "f" * 6000, "{0x" + "f" * 6000 + ": 1}"],
)
@pytest.mark.parametrize("key", ["name", "repeats", "recordings"])
def test_a_workload_with_an_invalid_value_is_refused(tmp_path, key, value):
    path = tmp_path / "w.yaml"
    workload = {"name": "two", "repeats": "3", "recordings": "[{path: a.wav}]", key: value}
    lines = "".join(f"{name}: {text}\n" for name, text in workload.items())
    path.write_text(f"format: diarize-runner/workload/1\n{lines}")
    with pytest.raises(ManifestError):
        read_workload(str(path))


def test_a_workload_with_a_million_calls_is_refused(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("format: diarize-runner/workload/1\nname: a\nrepeats: 1000000\nrecordings: [{path: a.wav}]\n")
    with pytest.raises(ManifestError, match="1000000 is more than 10,000 in 'repeats'"):
        read_workload(str(path))
