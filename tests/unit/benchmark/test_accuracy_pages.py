"""The accuracy on a page: figures at a glance, recordings sorted by DER, and an overlay for each."""

import re
from dataclasses import replace

import pytest
from support.benchmarks import TWO_SCORED, measurement, report, scored
from support.browser import CHROMIUM, run_script

from diarize_runner.benchmark.formats import markdown, page
from diarize_runner.benchmark.formats.readme import refresh_tables

LONG_NAME = "a-meeting-of-a-very-long-name-in-the-archive-of-2026-11-29"


@pytest.fixture
def html(tmp_path):
    return page.render(report(*scored(tmp_path)))


def overlay_of(html, uri):
    """Return the section of a recording."""
    (section,) = (each for each in re.findall(r"<section.*?</section>", html, re.DOTALL) if f"<h3>{uri}</h3>" in each)
    return section


def spans_of(section, kind):
    """Return left and width, in percent, of each bar of a kind."""
    found = re.findall(rf'<rect class="{kind}" x="([\d.]+)%" width="([\d.]+)%"', section)
    return [(float(left), float(width)) for left, width in found]


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_pooled_figures_are_first(html):
    assert re.findall("<h2>([^<]*)", html)[:2] == ["Accuracy", "Recordings, the worst first"]
    assert re.search(r"<dt>DER</dt><dd>40\.0 %<small>90 % interval: 25\.0 to 100\.0 %</small>", html)
    assert re.search(r"<dt>right speaker counts</dt><dd>1 of 2<small>absolute errors add up to 1</small>", html)
    assert html.index("Accuracy</h2>") < html.index("Timelines</h2>") < html.index("At a glance</h2>")


def test_a_single_recording_has_no_interval(tmp_path):
    assert "one recording: no interval" in page.render(report(*scored(tmp_path)[:1]))


def test_the_worst_recording_is_first_and_each_links_to_its_timeline(html):
    links = re.findall(r'<td class="who"><a href="#([^"]*)" title="(\w+)">', html)
    assert [name for _, name in links] == ["b", "a"]
    sections = re.findall(r'<section class="recording" id="([^"]*)"><h3>(\w+)</h3>', html)
    assert sections == links


def test_each_timeline_links_back_to_the_table(html):
    targets = set(re.findall(r'class="back" href="#([^"]*)"', html))
    assert targets == set(re.findall(r'class="wide worst" id="([^"]*)"', html)) != set()


def test_an_overlay_shows_each_difference_at_its_place(html):
    a, b = overlay_of(html, "a"), overlay_of(html, "b")
    found = {kind: spans_of(a, kind) for kind in ("missed", "false", "confusion")}
    assert found == {"missed": [(70.0, 10.0)], "false": [], "confusion": [(40.0, 10.0)]}
    assert spans_of(b, "false") == [(60.0, 20.0)]
    assert "<title>missed 0:07.0 to 0:08.0 (1.00 s)</title>" in a


def test_an_overlay_shows_who_is_whom(html):
    assert spans_of(overlay_of(html, "a"), "reference") == [(0.0, 40.0), (40.0, 40.0)]
    assert spans_of(overlay_of(html, "a"), "found") == [(0.0, 50.0), (50.0, 20.0)]
    names = re.findall(r'<span dir="auto">([^<]*)', overlay_of(html, "a") + overlay_of(html, "b"))
    assert names == [
        *("missed: 1.0 s", "false alarm: 0.0 s", "confusion: 1.0 s", "anna = X", "ben = Y"),
        *("missed: 0.0 s", "false alarm: 2.0 s", "confusion: 0.0 s", "anna = X", "Y: not in the reference"),
    ]


def test_a_speaker_who_was_not_found_has_a_lane(tmp_path):
    html = page.render(report(*scored(tmp_path, {"a": ([(0, 4, "anna"), (5, 6, "ben")], [(0, 4, "X")])})))
    assert "ben: not found" in overlay_of(html, "a")


def test_a_long_recording_is_drawn_wide_with_as_many_ticks(tmp_path):
    (measured, _) = scored(tmp_path)
    for seconds, width, ticks in [(10.0, 20, 11), (3600.0, 7_200, 61), (8 * 3600.0, 20_000, 97)]:
        section = overlay_of(page.render(report(replace(measured, audio_seconds=seconds))), "a")
        assert f"min-width: {width}px" in section
        assert section.count('class="tick"') == ticks


def test_regions_that_are_not_scored_are_marked(tmp_path):
    (measured, _) = scored(tmp_path)
    part = replace(measured.score.alignment, scored=((1.0, 2.0), (3.0, 9.0)))
    html = page.render(report(replace(measured, score=replace(measured.score, alignment=part))))
    assert spans_of(overlay_of(html, "a"), "unscored") == [(0.0, 10.0), (20.0, 10.0), (90.0, 10.0)]


def test_two_engines_have_a_table_each(tmp_path):
    first = report(*scored(tmp_path))
    both = replace(first, series=(replace(first.series[0], engine="stock"), first.series[0]))
    html = page.render(both)
    assert re.findall("<h2>(Accuracy[^<]*)", html) == ["Accuracy, stock", "Accuracy, exact"]
    anchors = re.findall(r'<section class="recording" id="([^"]*)"', html)
    assert len(set(anchors)) == 4


def test_names_are_text(tmp_path):
    markup = '<script>alert(1)</script>"&'
    (measured, _) = scored(tmp_path)
    hostile = replace(measured.score.alignment, speakers={"X": markup, markup: "anna"})
    html = page.render(report(replace(measured, uri=markup, score=replace(measured.score, alignment=hostile))))
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_a_report_without_references_has_no_accuracy():
    html = page.render(report(measurement("a", 10.0, 1.0)))
    assert "Accuracy" not in html
    assert "Timelines" not in html


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_page(html, scheme):
    schemes = re.findall(r":root \{[^}]*\}", html)
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", "".join(schemes[scheme::2]).replace("#fff;", "#ffffff;")))
    paper = luminance(colours["paper"])
    for name in ("missed", "false", "confusion", "found", "ink"):
        lighter, darker = sorted((paper, luminance(colours[name])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"WCAG AA for text: {name}"


def test_markdown_has_the_pooled_accuracy_and_the_worst_recording_first(tmp_path):
    text = markdown.render(report(*scored(tmp_path)))
    assert "| exact | 2 | 10 s | 40.0 % | 25.0 to 100.0 % | 10.0 % | 20.0 % | 10.0 % | 23.3 % | 1 of 2 | 1 |" in text
    assert text.index("| b | exact | 100.0 % | 0.0 % | 100.0 % |") < text.index("| a | exact | 25.0 % | 12.5 % |")


def test_a_document_gets_the_pooled_accuracy_of_a_report(tmp_path):
    (tmp_path / "r.json").write_bytes(report(*scored(tmp_path)).to_json())
    updated = refresh_tables("<!-- accuracy r.json -->\nold\n<!-- end of accuracy -->\n", tmp_path)
    assert "old" not in updated
    assert "| exact | 2 | 10 s | 40.0 % |" in updated
    assert "On cpu: 2 cores of Some CPU; cache tiny 1.0; 2026-11-21." in updated
    assert refresh_tables(updated, tmp_path) == updated


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/install-test-packages.sh")
class TestInABrowser:
    @pytest.fixture
    def path(self, tmp_path):
        short, other = scored(tmp_path, {**TWO_SCORED, LONG_NAME: TWO_SCORED["a"]})[1:]
        path = tmp_path / "page.html"
        path.write_text(page.render(report(short, replace(other, audio_seconds=3600.0))), encoding="utf-8")
        return path

    @pytest.mark.parametrize("width", [375, 1280])
    def test_nothing_is_wider_than_the_window(self, path, width):
        assert run_script(path, "return page.documentElement.scrollWidth", size=(width, 800)) <= width

    @pytest.mark.parametrize("width", [375, 1280])
    def test_names_are_above_the_bars_of_their_lane(self, path, width):
        seen = run_script(
            path,
            """
            const section = page.querySelector("section");
            const names = [...section.querySelectorAll("li")].map(box);
            const bars = [...section.querySelectorAll(".false:not(.band), .reference, .found")].map(box);
            return { names, bars };
            """,
            size=(width, 800),
        )
        lanes = [(top, top + height) for _, top, _, height in seen["names"]]
        assert len(lanes) == 5
        for _, top, _, height in seen["bars"]:
            (lane,) = [each for each in lanes if each[0] <= top < each[1]]
            assert lane[0] + 16 <= top + 0.5
            assert top + height <= lane[1] + 0.5

    def test_names_stay_in_view_where_a_long_recording_scrolls(self, path):
        script = """
            const region = page.querySelectorAll("section .wide")[1], name = region.querySelector("li span");
            const before = box(name)[0];
            region.scrollLeft = 500;
            return [region.scrollLeft, before, box(name)[0]];
        """
        scrolled, before, after = run_script(path, script, size=(375, 800))
        assert scrolled == 500
        assert before == after

    def test_a_link_leads_to_the_timeline(self, path):
        script = """
            page.querySelectorAll(".who a")[1].click();
            return [view.location.hash, box(page.querySelectorAll("section")[1])[1]];
        """
        anchor, top = run_script(path, script, size=(375, 800))
        assert anchor == "#recording-0-1"
        assert -1 <= top < 800

    def test_the_dark_scheme_has_its_own_colours(self, path):
        script = 'return view.getComputedStyle(page.querySelector(".overlay .missed, .overlay .false")).fill'
        assert run_script(path, script) != run_script(path, script, dark=True)
