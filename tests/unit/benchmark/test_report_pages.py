"""A report as a page: what matters first, on a phone, in the dark."""

import re

import pytest
from support.benchmarks import measurement, report
from support.browser import CHROMIUM, run_script

from diarize_runner.benchmark.formats import history_page, page


@pytest.fixture
def pages():
    measured = (measurement(f"a-recording-of-a-long-name-{at}", 60.0 * at, 2.0, 3.0) for at in (1, 12))
    measured = report(*measured, date="2026-11-21T10:00:00+00:00")
    return {"report": page.render(measured), "history": history_page.render([("host", measured)])}


def test_what_matters_is_first(pages):
    headings = re.findall("<(h1|h2|ul)>", pages["report"])
    assert headings[:3] == ["h1", "h2", "ul"]
    assert re.findall("<h2>([^<]*)", pages["report"])[0] == "At a glance"
    assert pages["report"].count("At a glance</h2>") == 1
    assert pages["history"].index("<table>") < pages["history"].index("<svg")


@pytest.mark.parametrize("kind", ["report", "history"])
def test_plots_have_the_colours_of_the_scheme(pages, kind):
    svgs = "".join(re.findall(r"<svg.*?</svg>", pages[kind], re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r"(xlink:href=|url\()\S*", "", svgs))
    assert {"var(--ink)", "var(--line)", "var(--plot-0)"} <= set(re.findall(r"var\([^)]*\)", svgs))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/install-test-packages.sh")
@pytest.mark.parametrize("kind", ["report", "history"])
class TestInABrowser:
    @pytest.fixture
    def path(self, tmp_path, pages, kind):
        path = tmp_path / "page.html"
        path.write_text(pages[kind], encoding="utf-8")
        return path

    @pytest.mark.parametrize("width", [375, 1280])
    def test_nothing_is_wider_than_the_window_and_plots_stay_readable(self, path, width):
        seen = run_script(
            path,
            """
            const texts = [...page.querySelectorAll("svg text")].map((text) => box(text)[3]);
            return { scroll: page.documentElement.scrollWidth, texts };
            """,
            size=(width, 800),
        )
        assert seen["scroll"] <= width
        assert min(height for height in seen["texts"] if height) >= 9

    def test_the_dark_scheme_is_dark(self, path):
        script = """
            const colour = (selector, name) => view.getComputedStyle(page.querySelector(selector))[name];
            return [colour("body", "backgroundColor"), colour("svg text", "fill")];
        """
        assert run_script(path, script) == ["rgb(255, 255, 255)", "rgb(28, 33, 40)"]
        assert run_script(path, script, dark=True) == ["rgb(20, 23, 28)", "rgb(228, 232, 238)"]
