"""A report in Markdown, HTML and JUnit: what was not measured is said to be, and nothing comes from elsewhere."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from support.benchmarks import measurement, report

from diarize_runner.benchmark.formats import junit, markdown, page
from diarize_runner.benchmark.formats.readme import refreshed
from diarize_runner.benchmark.formats.tables import as_guides_have_it, tables
from diarize_runner.benchmark.formats.words import dollars, length, seconds
from diarize_runner.benchmark.growth import growth
from diarize_runner.benchmark.measurement import Call, Loading, Memory, MemorySample, Score, Series, Stages, Start
from diarize_runner.benchmark.ratios import ratios, total_ratio
from diarize_runner.benchmark.report import Price

README = Path(__file__).parents[3] / "README.md"


def against_stock(**more):
    """Return a report in which exact took 2, 4 and 2 s, and stock ten times as long, by turns."""
    calls = [measurement("talk", 720.0, *(factor * each for each in (2.0, 4.0, 2.0))) for factor in (10, 1)]
    stock = Series(engine="stock", device="cpu", measurements=(calls[0],))
    exact = Series(engine="exact", device="cpu", measurements=(replace(calls[1], **{"same_as_stock": True, **more}),))
    return report(series=(stock, exact), price=Price(usd_per_hour=0.5, source="--price"))


def row(told, title, engine="exact"):
    """Return one engine's first row of the table with this title, by heading."""
    (table,) = [each for each in tables(told) if each.title == title]
    (first, *_) = [each for each in table.rows if engine in each]
    return dict(zip(table.headings, first, strict=True))


def test_the_first_table_is_that_of_setup_guides():
    table = as_guides_have_it(report(measurement("a", 720.0, 122.4, speakers=2)))
    assert table.headings[:4] == ("Audio Duration", "Processing Time", "Realtime Factor", "Speakers Found")
    assert table.rows[0][:4] == ("12 min", "122 s", "0.170x", "2")


def test_engines_are_compared_pair_by_pair():
    told = against_stock()
    (found,) = ratios(told)
    assert found.pairs == pytest.approx((10.0, 10.0, 10.0))
    assert total_ratio(told, told.series[1]) == pytest.approx(10.0)
    assert row(told, "Against stock pyannote")["output is stock's"] == "yes"
    assert ratios(report(measurement("a", 1.0, 1.0))) == ()


def test_cost_is_the_price_of_the_box_for_as_long_as_it_is_busy():
    totals = row(against_stock(), "Total over total")
    assert (totals["an hour of audio"], totals["1,000 cost"]) == ("10.0 s", "$1.39")


def test_a_stage_that_was_not_measured_is_said_to_be_in_every_format():
    told = report(replace(measurement("a", 10.0), calls=(Call(seconds=2.0, stages=Stages(embedding=1.5)),)))
    stages = row(told, "Stages")
    assert (stages["embedding"], stages["clustering"]) == ("1.50 s", "not measured")
    assert "| 1.50 s | not measured |" in markdown.render(told)
    assert '<td class="missing">not measured</td>' in page.render(told)


def test_cold_and_warm_stand_side_by_side():
    loading = Loading(process=0.1, imports=3.0, verify=0.4, load=1.5)
    first = Call(seconds=5.0, stages=Stages(decode=1.0))
    start = Start(loading=loading, uri="a", first_call=first)
    series = Series(engine="exact", device="cpu", starts=(start,), measurements=(measurement("a", 10.0, 2.0),))
    cold = row(report(series=(series,)), "From nothing")
    assert (cold["first call"], cold["warm call"], cold["to the first diarization"]) == ("5.00 s", "2.00 s", "11.0 s")


def test_growth_is_the_power_of_the_length_that_time_follows():
    def series(*lengths, memory=None):
        return Series(
            engine="exact",
            device="cpu",
            measurements=tuple(
                replace(
                    measurement(str(each), each),
                    calls=(Call(seconds=0.01 * each**1.5, memory=Memory(rss=memory and memory(each))),),
                )
                for each in lengths
            ),
        )

    fitted = growth(series(60.0, 600.0, 3600.0, memory=lambda audio: 500_000_000 + round(audio * 10_000)))
    assert fitted.exponent == pytest.approx(1.5)
    assert fitted.base_bytes == pytest.approx(500e6, rel=1e-3)
    assert fitted.bytes_per_audio_hour == pytest.approx(36e6, rel=1e-3)
    assert growth(series(60.0, 600.0, 3600.0)).base_bytes is None
    assert growth(series(60.0, 600.0)) is None, "two points are on any line"
    assert growth(series(60.0, 61.0, 62.0)) is None, "too much alike"


class TestJUnit:
    def test_a_case_for_each_recording_and_engine(self):
        root = ET.fromstring(junit.render(against_stock()))
        assert [suite.get("name") for suite in root] == ["stock on cpu", "exact on cpu"]
        (case,) = root[1].iter("testcase")
        assert (case.get("name"), float(case.get("time"))) == ("talk", 2.0)
        assert root[1].get("failures") == "0"

    @pytest.mark.parametrize("fault", [{"same_as_stock": False}, {"repeatable": False}])
    def test_an_output_that_is_not_what_it_should_be_is_a_failure(self, fault):
        root = ET.fromstring(junit.render(against_stock(**fault)))
        assert root[1].get("failures") == "1"
        assert root.find(".//failure").get("message").startswith("the output")

    def test_a_name_that_xml_cannot_hold_is_made_fit(self):
        root = ET.fromstring(junit.render(report(measurement("a\x01<b>&", 1.0, 1.0))))
        assert root.find(".//testcase").get("name") == "a?<b>&"


class TestPage:
    def test_it_needs_nothing_from_anywhere_and_runs_nothing(self):
        html = page.render(against_stock())
        assert not re.search(r"<(script|link|img|iframe)\b|url\((?!#)|@import|\bsrc=", html)
        linked = set(re.findall(r"(?:href|src)=\"([^\"]*)\"", html))
        assert all(target.startswith("#") for target in linked)
        assert "default-src 'none'" in html

    def test_it_has_a_plot_for_what_was_measured_and_none_for_what_was_not(self):
        bare = page.render(report(measurement("a", 10.0, 1.0)))
        call = Call(seconds=2.0, stages=Stages(segmentation=0.5, embedding=1.5))
        seen = (MemorySample(seconds=0.2, rss=10**9), MemorySample(seconds=0.4, rss=2 * 10**9))
        full = page.render(report(replace(measurement("a", 10.0), calls=(call,), memory_over_time=seen)))
        assert (bare.count("<svg"), full.count("<svg")) == (1, 3)

    def test_the_same_report_is_the_same_page(self):
        assert page.render(against_stock()) == page.render(against_stock())

    def test_names_are_text_and_never_markup(self):
        html = page.render(report(measurement("<b>$x$</b>", 10.0, 1.0), workload="<script>alert(1)</script>"))
        assert "<script>" not in html
        assert "<b>" not in html


class TestReadme:
    def test_a_table_comes_from_the_report_that_its_line_names(self, tmp_path):
        scored = measurement("talk", 720.0, 2.0, speakers=2, score=Score(der=0.062, speakers=2))
        (tmp_path / "r.json").write_bytes(report(scored).to_json())
        document = "before\n<!-- benchmark r.json -->\nwhat somebody typed\n<!-- end of benchmark -->\nafter\n"
        made = refreshed(document, tmp_path)
        assert "| talk | 12 min | exact | 2.00 s | 0.003 | 2 of 2 | 6.2 % |" in made
        assert made.startswith("before\n<!-- benchmark r.json -->\n| recording |")
        assert made.endswith("\n<!-- end of benchmark -->\nafter\n")
        assert "typed" not in made
        assert refreshed(made, tmp_path) == made

    @pytest.mark.parametrize(
        ("same", "said"),
        [
            (True, "; 2026-11-21. Every output is stock's, byte for byte.\n"),
            (False, "; 2026-11-21. Not every output is stock's.\n"),
            (None, "; 2026-11-21.\n"),
        ],
    )
    def test_under_it_stands_whether_outputs_are_those_of_stock(self, tmp_path, same, said):
        told = replace(against_stock(same_as_stock=same), date="2026-11-21T08:00:00+00:00")
        (tmp_path / "r.json").write_bytes(told.to_json())
        assert said in refreshed("<!-- benchmark r.json -->\n<!-- end of benchmark -->\n", tmp_path)

    def test_the_readme_of_this_repository_says_what_its_reports_say(self):
        text = README.read_text(encoding="utf-8")
        assert "<!-- benchmark " in text
        assert refreshed(text, README.parent) == text, "run: diarize-runner benchmark readme README.md"


@pytest.mark.parametrize(
    ("given", "said"), [(30, "30 s"), (90, "90 s"), (720, "12 min"), (2880, "48 min"), (14400, "4 h")]
)
def test_lengths_read_as_people_say_them(given, said):
    assert length(given) == said


def test_times_and_sums_have_the_digits_that_were_measured():
    assert [seconds(each) for each in (0.0001234, 0.0123, 1.234, 12.34, 1234.5)] == [
        "0.123 ms",
        "12.3 ms",
        "1.23 s",
        "12.3 s",
        "1,234 s",
    ]
    assert [dollars(each) for each in (0.00123, 1234.5)] == ["$0.00123", "$1,234.50"]
