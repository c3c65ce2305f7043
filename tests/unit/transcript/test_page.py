"""The HTML page: safe for any result, self-contained, and drawn correctly."""

import base64
import hashlib
import json
import re
import wave
from dataclasses import replace
from html import unescape

import pytest
from support.browser import CHROMIUM, run_script
from support.readers import page as read_texts

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import html, rttm, srt
from diarize_runner.transcript.formats import json as json_format
from diarize_runner.transcript.formats.document import SENT_BY_FRAME, Document
from diarize_runner.transcript.formats.timeline import draw
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript
from diarize_runner.transcript.speaker_names import rename_speakers

EVIL = "</title><script>document.documentElement.dataset.ran = 1</script><img src=x onerror=alert(1)> \"'&"


def make_document(text="Hello", speaker="SPEAKER_00", uri="call", **rest):
    turns = (SpeakerTurn(start=0.0, end=2.0, speaker=speaker), SpeakerTurn(start=1.0, end=4.0, speaker="other"))
    diarization = Diarization(uri=uri, turns=turns, exclusive_turns=turns[:1])
    segment = LabelledSegment(start=0.5, end=2.0, text=text, speaker=speaker)
    return Document(transcript=LabelledTranscript(uri=uri, segments=(segment,), diarization=diarization), **rest)


class TestUntrustedInput:
    def test_every_text_and_name_is_escaped(self):
        written = html.render(make_document(text=EVIL, speaker=EVIL, uri=EVIL, audio_src=EVIL))
        assert (written.count("<script>"), written.count("<img"), written.count("</title>")) == (1, 0, 5)
        assert read_texts(written, "said") == [EVIL]

    def test_the_policy_allows_only_the_script_and_style_of_the_page(self):
        written = html.render(make_document())
        policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', written).group(1))
        for tag in ("script", "style"):
            held = re.search(f"<{tag}>(.*?)</{tag}>", written, re.DOTALL).group(1)
            assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()}'" in policy
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert not re.search(r' (style|on\w+)="', written)

    @pytest.mark.parametrize(
        ("audio_src", "media"),
        [
            (None, "'none'"),
            ("call.wav", "'self' file:"),
            ("data:audio/x-wav;base64,UklGRg==", "data:"),
            (SENT_BY_FRAME, "blob:"),
        ],
    )
    def test_the_policy_allows_loading_only_the_recording(self, audio_src, media):
        written = html.render(make_document(audio_src=audio_src))
        assert f"media-src {media};" in unescape(written)
        assert written.count("<audio") == (audio_src is not None)

    def test_the_page_makes_no_network_request(self, meeting):
        written = html.render(meeting)
        assert re.findall(r'(?:src|href)="([^"]*)"', written) == ["in/meeting.wav"]
        assert "url(" not in written.replace("url(#hatch)", "")
        assert "http" not in re.sub(r'http-equiv="', "", written)


def test_a_speaker_only_in_the_transcript_has_a_lane_and_no_talk_time():
    transcript = make_document().transcript
    segment = replace(transcript.segments[0], speaker="guest")
    written = html.render(Document(transcript=replace(transcript, segments=(segment,))))
    assert re.findall(r"data-name=\"\d\">([^<]*)", written) == ["SPEAKER_00", "other", "guest", "guest"]
    assert written.count("<tr class=") == 2


def test_a_segment_without_speaker_is_shown(meeting):
    written = html.render(meeting)
    assert read_texts(written, "said")[3] == "Hm?"
    assert 'class="run nobody"' in written


def test_texts_and_names_are_set_in_their_own_direction(meeting):
    """Without dir="auto", punctuation of Arabic and Hebrew is on the wrong side."""
    written = html.render(make_document(text="مرحبا (test) كيف الحال؟", speaker="عادل"))
    assert re.search(r'<span class="said" dir="auto"[^>]*>مرحبا', written)
    assert written.count('<span dir="auto" data-name="1">عادل</span>') == 2
    assert re.search(r'<input class="name" value="عادل"[^>]* dir="auto">', written)


def test_the_transcript_has_its_language():
    document = make_document()
    assert '<main aria-label="Transcript" lang="">' in html.render(document)
    arabic = replace(document, transcript=replace(document.transcript, language="ar"))
    assert '<main aria-label="Transcript" lang="ar">' in html.render(arabic)


def test_warnings_are_shown_and_escaped():
    document = make_document()
    warned = replace(document, transcript=replace(document.transcript, warnings=("ends <early>", "b")))
    assert "<li>ends &lt;early&gt;</li><li>b</li></ul>" in html.render(warned)
    assert '<ul class="warnings"' not in html.render(document)


def test_the_page_has_the_provenance(meeting):
    assert f"<dt>cache manifest</dt><dd>sha256:{'1' * 64}</dd>" in html.render(meeting)
    assert "<details>" not in html.render(replace(meeting, provenance=None))


def test_the_page_holds_the_json_as_data_that_cannot_end_its_element():
    document = make_document(text=EVIL + "<!--", speaker="\u202eevil\x9b", uri=EVIL)
    (data,) = re.findall('<script type="application/json" id="data">(.*?)</script>', html.render(document), re.DOTALL)
    assert not re.search("[<\u202e\x9b]", data)
    assert json.loads(data) == json.loads(json_format.render(document))


def test_without_a_recording_no_button_promises_to_play():
    assert '<span class="at">' in html.render(make_document())
    assert "<audio" not in html.render(make_document())
    assert "Follow" not in html.render(make_document())


@pytest.mark.parametrize(
    ("duration", "ticks"),
    [
        (30, ["0:00", "0:05", "0:10", "0:15", "0:20", "0:25", "0:30"]),
        (0, ["0:00", "0:01"]),
        (4300, ["0:00", "10:00", "20:00", "30:00", "40:00", "50:00", "1:00:00", "1:10:00"]),
    ],
)
def test_the_axis_has_few_ticks_at_round_times(duration, ticks):
    assert re.findall(r"<text [^>]*>([^<]*)</text>", draw((), ("A",), duration)) == ticks


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/install-test-packages.sh")
class TestInABrowser:
    @pytest.fixture
    def page(self, tmp_path, meeting):
        (tmp_path / "in").mkdir()
        with wave.open(str(tmp_path / "in/meeting.wav"), "wb") as file:
            file.setparams((1, 1, 8000, 0, "NONE", ""))
            file.writeframes(bytes(30 * 8000))
        path = tmp_path / "meeting.html"
        path.write_text(html.render(meeting), encoding="utf-8")
        return path

    def test_lanes_are_stacked_and_turns_are_at_their_times(self, page):
        seen = run_script(
            page,
            """
            const all = (selector) => [...page.querySelectorAll(selector)].map(box);
            return { svg: box(page.querySelector(".timeline svg")), names: all(".names li"), turns: all(".turn"),
                     overlaps: all(".overlap"), body: box(page.body), scroll: page.documentElement.scrollWidth,
                     colours: [...page.querySelectorAll(".turn")].map((turn) => view.getComputedStyle(turn).fill) };
            """,
        )
        left, _, width, _ = seen["svg"]
        turns = [((x - left) / width * 30, (x - left + length) / width * 30) for x, _, length, _ in seen["turns"]]
        assert turns == [pytest.approx(span, abs=0.1) for span in [(0.5, 4.2), (3.9, 9.75), (12.0, 29.5)]]
        for (_, y, _, height), row in zip(seen["turns"], [0, 1, 0], strict=True):
            _, name_y, _, name_height = seen["names"][row]
            assert name_y < y < y + height < name_y + name_height
        assert [y for _, y, _, _ in seen["overlaps"]] == [seen["turns"][0][1], seen["turns"][1][1]]
        assert width > 500
        assert seen["scroll"] <= 1000, "the page is wider than its window"
        assert seen["colours"][0] == seen["colours"][2] != seen["colours"][1]

    def test_a_click_plays_from_there_and_marks_the_segment(self, page):
        seen = run_script(
            page,
            """
            const audio = page.querySelector("audio"), svg = page.querySelector(".timeline svg"), played = [];
            const [x, y, width] = box(svg);
            const click = (element, rest) => {
              element.dispatchEvent(new view.MouseEvent("click", { bubbles: true, ...rest }));
              played.push(audio.currentTime);
            };
            click(svg, { clientX: x + width / 2, clientY: y + 5 });
            click(page.querySelectorAll(".said")[2]);
            click(page.querySelectorAll(".at")[1]);
            audio.dispatchEvent(new view.Event("timeupdate"));
            const now = [...page.querySelectorAll(".now")].map((segment) => segment.textContent);
            return { played, now, playhead: page.getElementById("playhead").getAttribute("x1"),
                     source: audio.currentSrc, classes: page.documentElement.className.split(" ") };
            """,
        )
        assert seen["played"] == [pytest.approx(15, abs=0.1), 7.2, 3.9]
        assert seen["source"] == (page.parent / "in/meeting.wav").as_uri()
        assert seen["now"] == ['Yes: R&D, <then> "sales".']
        assert seen["playhead"] == "13%"
        assert {"playable", "playing"} <= set(seen["classes"])
        assert "broken" not in seen["classes"]

    def test_a_speaker_is_renamed_everywhere(self, page):
        seen = run_script(
            page,
            """
            const input = page.querySelector(".name");
            input.value = "<b>Ann</b>";
            input.dispatchEvent(new view.Event("input"));
            input.dispatchEvent(new view.Event("change"));
            const names = [...page.querySelectorAll("[data-name]")].map((named) => named.textContent);
            const tips = [...page.querySelectorAll("svg title, [title]")].map((tip) => tip.title || tip.textContent);
            return { names, tips };
            """,
        )
        assert seen["names"] == ["<b>Ann</b>", "SPEAKER_01", "<b>Ann</b>", "SPEAKER_01", "<b>Ann</b>"]
        original = re.findall(r"(?:<title data-[^>]*>| title=\")([^<\"]*)", page.read_text(encoding="utf-8"))
        assert seen["tips"] == [tip.replace("SPEAKER_00", "<b>Ann</b>") for tip in original]
        assert len(original) == 6

    def test_a_name_that_is_cleared_is_the_old_one(self, page):
        seen = run_script(
            page,
            """
            const input = page.querySelector(".name");
            input.value = " ";
            input.dispatchEvent(new view.Event("input"));
            return page.querySelector("[data-name]").textContent;
            """,
        )
        assert seen == "SPEAKER_00"

    def test_what_is_saved_equals_what_the_formats_write_with_these_names(self, page, meeting):
        meeting = replace(meeting, transcript=replace(meeting.transcript, warnings=("it ends <early>",)))
        page.write_text(html.render(meeting), encoding="utf-8")
        saved = run_script(
            page,
            """
            const saved = {};
            view.URL.createObjectURL = () => "#";
            const inputs = page.querySelectorAll(".name");
            inputs[0].value = "Ada";
            inputs[1].value = "Bo  --> Li";
            for (const button of page.querySelectorAll("[data-save]")) {
              view.Blob = function (parts) { saved[button.dataset.save] = parts.join(""); };
              button.click();
            }
            return saved;
            """,
        )
        renamed = rename_speakers(meeting.transcript, {"SPEAKER_00": "Ada", "SPEAKER_01": "Bo  --> Li"})
        assert saved["srt"] == srt.render(renamed)
        assert saved["rttm"] == rttm.render(renamed.diarization)
        assert json.loads(saved["json"]) == json.loads(json_format.render(replace(meeting, transcript=renamed)))
        assert set(saved) == {"html", "srt", "rttm", "json"}

    def test_a_saved_copy_has_the_new_names_and_the_same_script(self, page):
        copy = run_script(
            page,
            """
            let saved = "";
            view.Blob = function (parts) { saved = parts.join(""); };
            view.URL.createObjectURL = () => "#";
            const input = page.querySelector(".name");
            input.value = "Ann & Ben";
            input.dispatchEvent(new view.Event("input"));
            page.getElementById("save").click();
            return saved;
            """,
        )
        original = page.read_text(encoding="utf-8")
        assert re.findall(r'data-name="0">([^<]*)', copy) == ["Ann &amp; Ben"] * 3
        assert 'value="Ann &amp; Ben"' in copy
        assert copy.startswith("<!DOCTYPE html>\n<html lang")
        for held in ("<script>.*</script>", "<style>.*</style>", 'Content-Security-Policy" content="[^"]*"'):
            assert unescape(re.search(held, copy, re.DOTALL)[0]) == unescape(re.search(held, original, re.DOTALL)[0])

    def test_an_injected_script_does_not_run(self, page):
        script = "<script>document.documentElement.dataset.ran = 1</script>"
        page.write_text(page.read_text(encoding="utf-8").replace("</main>", f"{script}</main>"), encoding="utf-8")
        ran = "return [page.documentElement.dataset.ran ?? null, page.documentElement.className, page.scripts.length]"
        assert run_script(page, ran) == [None, "playable", 3]

    def test_the_keyboard_moves_along_the_timeline(self, page):
        seen = run_script(
            page,
            """
            const audio = page.querySelector("audio"), svg = page.querySelector(".timeline svg"), times = [];
            const keys = "ArrowRight ArrowUp ArrowLeft PageUp ArrowRight PageDown End Home";
            for (const key of keys.split(" ")) {
              svg.dispatchEvent(new view.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
              times.push(audio.currentTime);
            }
            audio.currentTime = 15;
            audio.dispatchEvent(new view.Event("timeupdate"));
            svg.focus();
            return { times, role: svg.getAttribute("role"), text: svg.getAttribute("aria-valuetext"),
                     focused: page.activeElement === svg };
            """,
        )
        assert seen["times"] == [5, 10, 5, 30, 30, 0, 30, 0]
        assert (seen["role"], seen["text"], seen["focused"]) == ("slider", "0:15 of 0:30", True)

    def test_the_speed_can_be_changed(self, page):
        seen = run_script(
            page,
            """
            const speed = page.getElementById("speed");
            speed.value = "1.5";
            speed.dispatchEvent(new view.Event("change"));
            return page.querySelector("audio").playbackRate;
            """,
        )
        assert seen == 1.5

    def test_a_search_marks_what_it_finds_and_goes_from_one_to_the_next(self, page):
        seen = run_script(
            page,
            """
            const find = page.getElementById("find"), found = page.getElementById("found"), seen = [];
            const note = () => seen.push([found.textContent, page.querySelector(".found")?.textContent ?? null]);
            const search = (text) => { find.value = text; find.dispatchEvent(new view.Event("input")); note(); };
            search("S");
            find.dispatchEvent(new view.KeyboardEvent("keydown", { key: "Enter" })); note();
            find.dispatchEvent(new view.KeyboardEvent("keydown", { key: "Enter", shiftKey: true })); note();
            search("absent"); search("");
            return seen;
            """,
        )
        assert seen == [
            ["1 of 4", "Shall we begin?"],
            ["2 of 4", 'Yes: R&D, <then> "sales".'],
            ["1 of 4", "Shall we begin?"],
            ["not found", None],
            ["", None],
        ]

    def test_the_page_follows_the_dark_colour_scheme(self, page):
        paper = "return view.getComputedStyle(page.body).backgroundColor"
        assert (run_script(page, paper), run_script(page, paper, dark=True)) == (
            "rgb(255, 255, 255)",
            "rgb(20, 23, 28)",
        )
