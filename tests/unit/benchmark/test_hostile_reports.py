"""Reports that somebody else wrote: each is rendered, or refused with the place; a name in one is only a name."""

import json
import random
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.benchmarks import measurement, report
from support.hostile_transcripts import NUMBERS, TEXTS

from diarize_runner.benchmark.compare import compare
from diarize_runner.benchmark.formats import history_page, junit, markdown, page, projected, readme
from diarize_runner.benchmark.formats.history import table
from diarize_runner.benchmark.history import history
from diarize_runner.benchmark.plan import Job, cautious_plan, plan
from diarize_runner.benchmark.reading import parse_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.workload import read_workload
from diarize_runner.cli.benchmark_compare import _document as compared
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.errors import DiarizeRunnerError, ManifestError

REPORTS, PAGES = 600, 4
ROOT = Path(__file__).parents[3]
PATHS = [
    ROOT / "tests/vectors/benchmark/format-1.json",
    *(ROOT / f"docs/benchmarks/{name}-2026-11-21.json" for name in ("default", "peers-twin", "sample")),
]
JOB = Job(audio_hours=10, deadline=86_400, ready_after=60)


def short(value):
    """Return a document with the first entries of each list: the others say no more, and take their time."""
    if isinstance(value, dict):
        return {key: short(inner) for key, inner in value.items()}
    return list(map(short, value[:2])) if isinstance(value, list) else value


SEEDS = [short(json.loads(path.read_bytes())) for path in PATHS]


def places(value):
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from places(inner)


def hostile(number):
    chance = random.Random(number)
    document = json.loads(json.dumps(SEEDS[number % len(SEEDS)]))
    for _ in range(chance.choice((1, 1, 2))):
        parent, key = chance.choice(list(places(document)))
        was = parent[key]
        usual = [was[:1], was * 2, was[1:], was[::-1]] if isinstance(was, list) else [was]
        if isinstance(was, str):
            usual = [was + chance.choice(TEXTS)] * 12
        elif isinstance(was, int | float) and not isinstance(was, bool):
            usual = [type(was)(was * factor) for factor in (0.5, 2, 7, 1e3, 1e-3)] * 3
        parent[key] = chance.choice([*usual, chance.choice(NUMBERS), chance.choice(TEXTS), [], {}])
    return json.dumps(document).encode()


def rendered(data):
    read = parse_report(data, "report.json")
    assert parse_report(read.to_json(), "again") == read
    json.loads(read.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    ET.fromstring(junit.render(read))
    markdown.render(read)
    readme.brief(read)
    summary(read)
    table(history([("host", read), ("host", read)]))
    for made in (
        lambda: projected.paragraph(read),
        lambda: json.dumps(compared(compare(read, read), slower=False), allow_nan=False),
        *(lambda series=series: (plan(JOB, series), cautious_plan(JOB, series)) for series in read.series),
    ):
        with suppress(DiarizeRunnerError):
            made()
    return read


def test_hostile_reports_are_rendered_or_refused():
    read, refused = [], 0
    for number in range(REPORTS):
        try:
            read.append(rendered(hostile(number)))
        except ManifestError as reason:
            refused += "report.json" in reason.message
        except Exception as reason:
            raise AssertionError(f"report {number}: {reason!r}") from reason
    assert len(read) + refused == REPORTS
    assert min(len(read), refused) > REPORTS / 6, "the negative control: some are refused and some are not"
    for told in read[:: len(read) // PAGES]:
        assert page.render(told).startswith("<!doctype html>")
        assert history_page.render([("host", told)]).startswith("<!doctype html>")


def broken(**changes):
    document = json.loads(report(measurement("a", 10.0, 1.0)).to_json())
    measured = document["series"][0]["measurements"][0]
    for place, value in changes.items():
        (measured["calls"][0] if place == "seconds" else measured if place in measured else document)[place] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"audio_seconds": 0}, r"0 s cannot have been measured in 'series\[0\]\.measurements\[0\]\.audio_seconds'"),
        ({"seconds": 0}, r"0 s cannot have been measured in 'series\[0\]\.measurements\[0\]\.calls\[0\]\.seconds'"),
        ({"seconds": 10**400}, r"a number beyond 1e\+15 in 'series\[0\]\.measurements\[0\]\.calls\[0\]\.seconds'"),
        ({"calls": []}, r"0 entries: from 1 to 2,000,000 are expected in 'series\[0\]\.measurements\[0\]\.calls'"),
        ({"series": []}, "0 entries: from 1 to 50 are expected in 'series'"),
        ({"uri": "x" * 10_001}, r"a text of more than 10,000 characters in 'series\[0\]\.measurements\[0\]\.uri'"),
    ],
)
def test_what_cannot_be_divided_by_or_drawn_is_refused_with_its_place(changes, said):
    with pytest.raises(ManifestError, match=said):
        parse_report(broken(**changes), "report.json")
    assert parse_report(broken(), "report.json")


def test_engines_that_did_not_do_the_same_work_are_refused():
    stock, exact = (report(measurement("a", 10.0, 1.0)).series[0] for _ in "ab")
    unlike = replace(exact, measurements=(*exact.measurements, measurement("b", 10.0, 1.0)))
    told = report(series=(replace(stock, engine="stock"), replace(unlike, engine="exact")))
    with pytest.raises(ManifestError, match=r"not the recordings and calls of stock in 'series\[1\]'"):
        parse_report(told.to_json(), "report.json")


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T00:00:00"])
def test_a_date_beyond_the_calendar_is_drawn_nowhere(date):
    told = replace(report(measurement("a", 10.0, 1.0)), date=date)
    assert "Without a date, and so in no plot: 1" in history_page.render([("host", told)])


NASTY = "a|b`c`\n# [x](javascript:1) <script>alert(1)</script> \x1b[2J\u009b\u202e\\"


def nasty() -> BenchmarkReport:
    told = report(measurement(NASTY, 10.0, 1.0))
    environment = replace(told.environment, cpu=NASTY, packages={NASTY: NASTY})
    series = tuple(replace(each, engine=NASTY, device=NASTY) for each in told.series)
    return replace(told, environment=environment, workload=NASTY, cache=NASTY, series=series)


class TestNames:
    def test_are_one_cell_of_markdown_and_no_markup(self):
        written = markdown.render(nasty()) + markdown.rendered(readme.brief(nasty()))
        assert "\x1b" not in written
        assert not re.search(r"(?<!\\)(\\\\)*[`\[\]<>&]", written)
        for line in written.splitlines():
            if line.startswith("| "):
                assert "#" in line or "a\\|b" not in line, "a name stays in its line"
        rows = [line for line in written.splitlines() if "a\\|b" in line and line.startswith("| ")]
        heads = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert rows
        assert heads <= {6, 7, 8, 9, 10, 13}

    def test_are_text_in_a_page(self):
        for written in (page.render(nasty()), history_page.render([(NASTY, nasty())])):
            assert "<script" not in written
            assert 'href="javascript' not in written

    def test_are_text_in_junit(self):
        root = ET.fromstring(junit.render(nasty()))
        assert [case.get("name").startswith("a|b`c`?# [x]") for case in root.iter("testcase")] == [True]
        assert len(list(root.iter())) == 2 + len(list(root.iter("testcase"))) * 2 + len(list(root.iter("property")))


@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!timestamp soon", '!!int ""', "2026-99-99", "0x" + "f" * 6000, "{0x" + "f" * 6000 + ": 1}"],
)
@pytest.mark.parametrize("key", ["name", "repeats", "recordings"])
def test_a_workload_that_means_nothing_is_refused(tmp_path, key, value):
    path = tmp_path / "w.yaml"
    workload = {"name": "two", "repeats": "3", "recordings": "[{path: a.wav}]", key: value}
    lines = "".join(f"{name}: {said}\n" for name, said in workload.items())
    path.write_text(f"format: diarize-runner/workload/1\n{lines}")
    with pytest.raises(ManifestError):
        read_workload(str(path))


def test_a_workload_of_millions_of_calls_is_refused(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("format: diarize-runner/workload/1\nname: a\nrepeats: 1000000\nrecordings: [{path: a.wav}]\n")
    with pytest.raises(ManifestError, match="1000000 is more than 10,000 in 'repeats'"):
        read_workload(str(path))
