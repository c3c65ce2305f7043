"""A report in Markdown, HTML and JUnit: unmeasured figures are marked, and pages are self-contained."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from support.benchmarks import measurement, report

from diarize_runner.benchmark.formats import junit, markdown, page
from diarize_runner.benchmark.formats.figures import format_duration, format_seconds, format_usd
from diarize_runner.benchmark.formats.readme import refresh_tables
from diarize_runner.benchmark.formats.tables import guide_table, tables
from diarize_runner.benchmark.growth import fit_growth
from diarize_runner.benchmark.measurement import Call, Loading, Memory, MemorySample, Score, Series, Stages, Start
from diarize_runner.benchmark.report import Price
from diarize_runner.benchmark.speedup import speedups, total_speedup


def against_stock(**more):
    """Return a report in which exact takes 2, 4 and 2 s, and stock ten times as long."""
    calls = [measurement("talk", 720.0, *(factor * each for each in (2.0, 4.0, 2.0))) for factor in (10, 1)]
    stock = Series(engine="stock", device="cpu", measurements=(calls[0],))
    exact = Series(engine="exact", device="cpu", measurements=(replace(calls[1], **{"same_as_stock": True, **more}),))
    return report(series=(stock, exact), price=Price(usd_per_hour=0.5, source="--price"))


def row(source, title, engine="exact"):
    """Return one engine's first row of the table with this title, by heading."""
    (table,) = [each for each in tables(source) if each.title == title]
    (first, *_) = [each for each in table.rows if engine in each]
    return dict(zip(table.headings, first, strict=True))


def test_the_first_table_has_the_columns_of_setup_guides():
    table = guide_table(report(measurement("a", 720.0, 122.4, speakers=2)))
    assert table.headings[:4] == ("Audio Duration", "Processing Time", "Realtime Factor", "Speakers Found")
    assert table.rows[0][:4] == ("12 min", "122 s", "0.170x", "2")


def test_the_speed_up_is_computed_for_each_pair_of_calls():
    compared = against_stock()
    (speedup,) = speedups(compared)
    assert speedup.pairs == pytest.approx((10.0, 10.0, 10.0))
    assert total_speedup(compared, compared.series[1]) == pytest.approx(10.0)
    cells = row(compared, "Speed-up over stock pyannote")
    assert (cells["speed-up over stock"], cells["same output as stock"]) == ("10.00", "yes")
    assert speedups(report(measurement("a", 1.0, 1.0))) == ()


def test_the_cost_is_the_price_of_a_fully_used_box():
    totals = row(against_stock(), "Totals")
    assert (totals["time per audio hour"], totals["cost per 1,000 audio hours"]) == ("10.0 s", "$1.39")


def test_an_unmeasured_stage_is_marked_in_every_format():
    partial = report(replace(measurement("a", 10.0), calls=(Call(seconds=2.0, stages=Stages(embedding=1.5)),)))
    stages = row(partial, "Stages")
    assert (stages["embedding"], stages["clustering"]) == ("1.50 s", "not measured")
    assert "| 1.50 s | not measured |" in markdown.render(partial)
    assert '<td class="missing">not measured</td>' in page.render(partial)


def test_a_cold_start_has_the_times_of_a_cold_and_a_warm_call():
    loading = Loading(process=0.1, imports=3.0, verify=0.4, load=1.5)
    first = Call(seconds=5.0, stages=Stages(decode=1.0))
    start = Start(loading=loading, uri="a", first_call=first)
    series = Series(engine="exact", device="cpu", starts=(start,), measurements=(measurement("a", 10.0, 2.0),))
    cold = row(report(series=(series,)), "Cold starts")
    assert (cold["first call"], cold["warm call"], cold["total to first diarization"]) == ("5.00 s", "2.00 s", "11.0 s")


def test_growth_fits_a_power_law_to_time_and_a_line_to_memory():
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

    fitted = fit_growth(series(60.0, 600.0, 3600.0, memory=lambda audio: 500_000_000 + round(audio * 10_000)))
    assert fitted.exponent == pytest.approx(1.5)
    assert fitted.base_bytes == pytest.approx(500e6, rel=1e-3)
    assert fitted.bytes_per_audio_hour == pytest.approx(36e6, rel=1e-3)
    assert fit_growth(series(60.0, 600.0, 3600.0)).base_bytes is None
    assert fit_growth(series(60.0, 600.0)) is None, "two points fit any line"
    assert fit_growth(series(60.0, 61.0, 62.0)) is None, "too similar"


class TestJUnit:
    def test_has_a_case_for_each_recording_and_engine(self):
        root = ET.fromstring(junit.render(against_stock()))
        assert [suite.get("name") for suite in root] == ["stock on cpu", "exact on cpu"]
        (case,) = root[1].iter("testcase")
        assert (case.get("name"), float(case.get("time"))) == ("talk", 2.0)
        assert root[1].get("failures") == "0"

    @pytest.mark.parametrize("fault", [{"same_as_stock": False}, {"repeatable": False}])
    def test_fails_a_case_with_a_wrong_output(self, fault):
        root = ET.fromstring(junit.render(against_stock(**fault)))
        assert root[1].get("failures") == "1"
        assert root.find(".//failure").get("message").startswith("the output")

    def test_does_not_fail_the_fast_engine_for_its_own_output(self):
        compared = against_stock(same_as_stock=False)
        fast = replace(compared, series=(compared.series[0], replace(compared.series[1], engine="fast")))
        assert ET.fromstring(junit.render(fast)).find(".//failure") is None

    def test_replaces_characters_that_xml_forbids(self):
        root = ET.fromstring(junit.render(report(measurement("a\x01<b>&", 1.0, 1.0))))
        assert root.find(".//testcase").get("name") == "a?<b>&"


class TestPage:
    def test_loads_nothing_and_runs_no_script(self):
        html = page.render(against_stock())
        assert not re.search(r"<(script|link|img|iframe)\b|url\((?!#)|@import|\bsrc=", html)
        linked = set(re.findall(r"(?:href|src)=\"([^\"]*)\"", html))
        assert all(target.startswith("#") for target in linked)
        assert "default-src 'none'" in html

    def test_plots_only_measured_figures(self):
        bare = page.render(report(measurement("a", 10.0, 1.0)))
        call = Call(seconds=2.0, stages=Stages(segmentation=0.5, embedding=1.5))
        samples = (MemorySample(seconds=0.2, rss=10**9), MemorySample(seconds=0.4, rss=2 * 10**9))
        full = page.render(report(replace(measurement("a", 10.0), calls=(call,), memory_over_time=samples)))
        assert (bare.count("<svg"), full.count("<svg")) == (1, 3)

    def test_is_the_same_for_the_same_report(self):
        assert page.render(against_stock()) == page.render(against_stock())

    def test_escapes_names(self):
        html = page.render(report(measurement("<b>$x$</b>", 10.0, 1.0), workload="<script>alert(1)</script>"))
        assert "<script>" not in html
        assert "<b>" not in html


class TestReadme:
    def test_has_a_table_of_the_named_report(self, tmp_path):
        scored = measurement("talk", 720.0, 2.0, speakers=2, score=Score(der=0.062, speakers=2))
        (tmp_path / "r.json").write_bytes(report(scored).to_json())
        document = "before\n<!-- benchmark r.json -->\nold text\n<!-- end of benchmark -->\nafter\n"
        updated = refresh_tables(document, tmp_path)
        assert "| talk | 12 min | exact | 2.00 s | 0.003 | 2 of 2 | 6.2 % |" in updated
        assert updated.startswith("before\n<!-- benchmark r.json -->\n| recording |")
        assert updated.endswith("\n<!-- end of benchmark -->\nafter\n")
        assert "old text" not in updated
        assert refresh_tables(updated, tmp_path) == updated

    @pytest.mark.parametrize(
        ("same", "note"),
        [
            (True, "; 2026-11-21. Every output equals stock's, byte for byte.\n"),
            (False, "; 2026-11-21. Some outputs differ from stock's.\n"),
            (None, "; 2026-11-21.\n"),
        ],
    )
    def test_notes_whether_outputs_equal_stocks(self, tmp_path, same, note):
        dated = replace(against_stock(same_as_stock=same), date="2026-11-21T08:00:00+00:00")
        (tmp_path / "r.json").write_bytes(dated.to_json())
        assert note in refresh_tables("<!-- benchmark r.json -->\n<!-- end of benchmark -->\n", tmp_path)


@pytest.mark.parametrize(
    ("given", "text"), [(30, "30 s"), (90, "90 s"), (720, "12 min"), (2880, "48 min"), (14400, "4 h")]
)
def test_durations_have_a_readable_unit(given, text):
    assert format_duration(given) == text


def test_times_and_costs_have_three_digits():
    assert [format_seconds(each) for each in (0.0001234, 0.0123, 1.234, 12.34, 1234.5)] == [
        "0.123 ms",
        "12.3 ms",
        "1.23 s",
        "12.3 s",
        "1,234 s",
    ]
    assert [format_usd(each) for each in (0.00123, 1234.5)] == ["$0.00123", "$1,234.50"]
