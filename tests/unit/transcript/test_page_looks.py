"""The page on a phone, with many speakers, and for those who use the keyboard or see little contrast."""

import re
import wave
from importlib.resources import files

import pytest
from support.browser import CHROMIUM, run_script

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import html, timeline_page
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript

STYLE = "".join((files(html.__package__) / "page" / name).read_text() for name in ("palette.css", "page.css"))
_RULE = re.compile(r"(:root|\.s\d+) \{([^}]*)\}")
WIDE, PHONE = (1280, 800), (375, 667)


def read_colours(*, dark):
    """Return the page's colours by variable, and those of speakers by class."""
    colours = {}
    dark_parts = re.findall(r"prefers-color-scheme: dark\) \{\n((?:  .*\n)*)\}", STYLE)
    for part in [STYLE, *(dark_parts if dark else [])]:
        base = part if part is not STYLE else re.sub(r"@media[^{]*\{\n(?:  .*\n)*\}", "", STYLE)
        for selector, body in _RULE.findall(base):
            for name, value in re.findall(r"--(\w+): (#\w+);", body):
                colours[selector if name == "voice" else name] = value
    return colours


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the contrast ratio of WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_a_contrast_of_4_5_and_graphics_of_3(dark):
    colours = read_colours(dark=dark)
    for paper in ("paper", "raised", "mark", "hit"):
        for ink in ("ink", "quiet"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for paper in ("paper", "raised"):
        for graphic in ("focus", "edge", *(f".s{row}" for row in range(16))):
            assert contrast(colours[graphic], colours[paper]) >= 3, (graphic, paper)


@pytest.mark.parametrize("dark", [False, True])
def test_sixteen_speakers_have_sixteen_colours(dark):
    colours = read_colours(dark=dark)
    assert len({colours[f".s{row}"] for row in range(16)}) == 16


def make_meeting(speakers):
    turns = tuple(
        SpeakerTurn(start=10 * at, end=10 * at + 9, speaker=f"SPEAKER_{at % speakers:02d}") for at in range(60)
    )
    segments = tuple(
        LabelledSegment(start=turn.start, end=turn.end, text=f"This is sentence {at}.", speaker=turn.speaker)
        for at, turn in enumerate(turns)
    )
    diarization = Diarization(uri="long", turns=turns, exclusive_turns=turns)
    transcript = LabelledTranscript(uri="long", segments=segments, diarization=diarization)
    return Document(transcript=transcript, audio_src="long.wav")


def write_page(tmp_path, speakers):
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000))
    path = tmp_path / "long.html"
    path.write_text(html.render(make_meeting(speakers)), encoding="utf-8")
    return path


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/install-test-packages.sh")
class TestInABrowser:
    @pytest.mark.parametrize("speakers", [2, 12])
    @pytest.mark.parametrize("size", [WIDE, PHONE])
    def test_nothing_is_wider_than_the_window_and_names_are_readable(self, tmp_path, size, speakers):
        seen = run_script(
            write_page(tmp_path, speakers),
            """
            const wide = (selector) => [...page.querySelectorAll(selector)].map((each) => box(each)[2]);
            return { scroll: page.documentElement.scrollWidth, names: wide(".names li"), inputs: wide(".name") };
            """,
            size=size,
        )
        assert seen["scroll"] <= size[0]
        assert min(seen["names"]) > 80
        assert min(seen["inputs"]) > 100

    @pytest.mark.parametrize("speakers", [2, 4, 8, 12, 40])
    @pytest.mark.parametrize("size", [WIDE, PHONE])
    def test_what_has_the_focus_is_never_under_the_timeline(self, tmp_path, size, speakers):
        seen = run_script(
            write_page(tmp_path, speakers),
            """
            const overview = page.querySelector(".overview");
            view.scrollTo(0, page.documentElement.scrollHeight);
            const hidden = [], focusable = [...page.querySelectorAll(".name, .exports button, .at")].reverse();
            for (const each of focusable) {
              each.focus();
              const [, top, , height] = box(overview);
              if (box(each)[1] < top + height) hidden.push(each.outerHTML);
            }
            view.scrollTo(0, page.documentElement.scrollHeight);
            const [, top, , height] = box(overview);
            return { hidden, focused: focusable.length, covered: top + height };
            """,
            size=size,
        )
        assert seen["focused"] == 60 + speakers + 4
        assert seen["hidden"] == []
        assert seen["covered"] <= (0.4 if speakers <= 8 else 0.25) * size[1]

    @pytest.mark.parametrize("speakers", [2, 12])
    def test_a_notebook_shows_every_lane(self, tmp_path, speakers):
        document = make_meeting(speakers)
        path = tmp_path / "timeline.html"
        path.write_text(timeline_page.render(document), encoding="utf-8")
        script = """
            const timeline = page.querySelector(".timeline");
            return [timeline.scrollHeight - timeline.clientHeight, page.documentElement.scrollHeight];
        """
        hidden, height = run_script(path, script, size=(1000, timeline_page.height(document)))
        assert hidden <= 1
        assert height <= timeline_page.height(document)

    def test_the_transcript_follows_the_playback_until_it_is_scrolled(self, tmp_path):
        seen = run_script(
            write_page(tmp_path, 2),
            """
            const audio = page.querySelector("audio"), follow = page.getElementById("follow"), seen = [];
            let now = 0;
            Object.defineProperty(audio, "paused", { get: () => false });
            Object.defineProperty(audio, "currentTime", { get: () => now, set: (time) => { now = time; } });
            const play = (time) => {
              now = time;
              audio.dispatchEvent(new view.Event("timeupdate"));
              const [, top] = box(page.querySelector(".now"));
              seen.push(top > 0 && top < view.innerHeight);
            };
            play(5); play(455);
            page.querySelector("main").dispatchEvent(new view.WheelEvent("wheel", { bubbles: true }));
            play(105);
            const before = follow.checked;
            follow.checked = true;
            follow.dispatchEvent(new view.Event("change"));
            play(106);
            return { seen, before };
            """,
            size=WIDE,
        )
        assert seen == {"seen": [True, True, False, True], "before": False}
