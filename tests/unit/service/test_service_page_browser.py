"""The page of the service in a browser, with a service that listens."""

import json

import pytest
from support.browser import CHROMIUM
from support.devtools import browser
from support.services import listening_service, wait_for, wav
from support.voices import MODEL, voice_of

from diarize_runner.service.keys import add_key
from diarize_runner.service.queue.job import NewJob
from diarize_runner.service.work import Work
from diarize_runner.voices.file import add_voice

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: scripts/install-test-packages.sh"),
]
EVIL = "<img src=x onerror=alert(1)>"
LIST_IS_THERE = "!document.querySelector('#start').hidden && document.querySelector('#no-jobs, #jobs li') !== null"
RESULT_IS_THERE = """
    document.querySelector('iframe') !== null && !document.querySelector('#download').hidden
    && document.querySelector('#result-note').textContent === ''
"""
COLOURS = """(() => {
    const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour[3] !== 0) return colour;
        }
        return [255, 255, 255];
    };
    const light = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([red, green, blue]) => 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
        const { parentElement: element, data } = walker.currentNode;
        if (!data.trim() || !element.checkVisibility() || element.closest('.unseen, script, style')) continue;
        const ink = luminance(parse(getComputedStyle(element).color)), paper = luminance(ground(element));
        found.push([(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), data.trim()]);
    }
    return found;
})()"""


@pytest.fixture(scope="module")
def one_tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def one_service(tmp_path_factory):
    """Yield a client of a service that knows the first speaker of every recording."""
    folder = tmp_path_factory.mktemp("service")
    add_voice(folder / "voices.json", voice_of("ada", "Ada Lovelace"), MODEL)
    with listening_service(folder, voice_file=folder / "voices.json") as client:
        yield client


@pytest.fixture
def service(one_service):
    """Yield a client of a service without jobs."""
    yield one_service
    for job in one_service.get("/v1/jobs", params={"limit": 1000}).json()["jobs"]:
        one_service.delete(f"/v1/jobs/{job['id']}")


@pytest.fixture
def tab(one_tab, service):
    """Yield the tab; assert that the page logged no error, and leave it before the service ends."""
    one_tab.complaints.clear()
    yield one_tab
    one_tab.open("about:blank")
    assert one_tab.complaints == []


def open_list(tab, service, **options):
    tab.open(str(service.base_url), **options)
    tab.wait(LIST_IS_THERE)


def write(folder, *names):
    """Return recordings with these names."""
    for name in names:
        (folder / name).write_bytes(wav())
    return [folder / name for name in names]


def upload(tab, *paths, work="diarize"):
    tab.choose("#recordings", *paths)
    tab.run(f"document.querySelector('[value={work}]').click()")
    click(tab, "#upload .main")


def click(tab, selector):
    tab.run(f"document.querySelector({json.dumps(selector)}).click()")


def press(tab, text, name):
    """Click the button that has this text, of a row or an upload."""
    label = json.dumps(f"{text} {name}")
    tab.wait(f"[...document.querySelectorAll('button')].some((each) => each.ariaLabel === {label} && !each.hidden)")
    tab.run(f"[...document.querySelectorAll('button')].find((each) => each.ariaLabel === {label}).click()")


def wait_for_state(tab, *states):
    tab.wait(" && ".join(f"document.querySelector('[data-state={state}]') !== null" for state in states))


def rename(tab, row, name):
    tab.in_frame(
        f"(() => {{ const input = document.querySelectorAll('.name')[{row}]; input.value = {json.dumps(name)};"
        "for (const type of ['input', 'change']) input.dispatchEvent(new Event(type)); })()"
    )
    tab.run("new Promise(requestAnimationFrame)")  # the page gets the message first


def download(tab, kind, name):
    """Return the text of a file that the page saves."""
    path = tab.downloads / name
    tab.run(f"document.querySelector('#format').value = {json.dumps(kind)}")
    click(tab, "#download .main")
    return tab.wait_for_file(path)


def test_a_dropped_recording_becomes_a_result_with_names_that_is_saved_and_deleted(tab, service, tmp_path):
    open_list(tab, service)
    tab.drop("#drop", *write(tmp_path, "call.wav"))
    tab.wait("document.querySelector('#chosen').innerText.includes('call.wav')")
    click(tab, "[value=run]")
    click(tab, "#upload .main")
    wait_for_state(tab, "succeeded")
    assert tab.run("document.querySelector('#uploads').childElementCount") == 0
    press(tab, "Open", "call.wav")
    tab.wait(RESULT_IS_THERE)
    assert tab.wait_in_frame("document.querySelector('audio').duration") == pytest.approx(4.0)
    assert "Word 0." in tab.in_frame("document.body.innerText")
    rename(tab, 0, "Ada Lovelace")
    assert download(tab, "srt", "call.srt").count("[Ada Lovelace] Word 0.") == 1
    assert 'text = "Ada Lovelace"' in download(tab, "textgrid", "call.TextGrid")
    assert " Ada_Lovelace " in download(tab, "rttm", "call.rttm")
    click(tab, "#back")
    press(tab, "Open", "call.wav")
    tab.wait(RESULT_IS_THERE)
    tab.wait_in_frame("document.querySelector('.name').value === 'Ada Lovelace'")
    click(tab, "#delete")
    click(tab, "#yes")
    tab.wait("!document.querySelector('#start').hidden && !document.querySelector('#no-jobs').hidden")
    assert service.get("/v1/jobs").json()["jobs"] == []


def test_names_of_files_and_speakers_never_become_html(tab, service, tmp_path):
    open_list(tab, service)
    upload(tab, *write(tmp_path, f"{EVIL}.wav"))
    wait_for_state(tab, "succeeded")
    press(tab, "Open", f"{EVIL}.wav")
    tab.wait(RESULT_IS_THERE)
    assert tab.run("document.querySelector('#result-title').textContent") == f"{EVIL}.wav"
    rename(tab, 0, EVIL)
    assert EVIL in download(tab, "json", f"{EVIL}.json".translate(str.maketrans("<>", "__")))
    click(tab, "#delete")
    assert EVIL in tab.run("document.querySelector('#question').textContent")
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.in_frame("document.querySelectorAll('img').length") == 0
    click(tab, "#no")
    assert len(service.get("/v1/jobs").json()["jobs"]) == 1


def test_the_result_has_an_origin_of_its_own(tab, service, tmp_path):
    open_list(tab, service)
    upload(tab, *write(tmp_path, "call.wav"))
    wait_for_state(tab, "succeeded")
    press(tab, "Open", "call.wav")
    tab.wait(RESULT_IS_THERE)
    refused = "(() => { try { return String(%s); } catch (error) { return error.name; } })()"
    assert tab.in_frame("origin") == "null"
    for reached in ("parent.document", "parent.sessionStorage", "sessionStorage"):
        assert tab.in_frame(refused % reached) == "SecurityError"


class TestKeys:
    @pytest.fixture
    def key(self, tmp_path):
        return add_key(tmp_path / "keys.json", "ada")

    @pytest.fixture
    def service(self, tmp_path, key):
        with listening_service(tmp_path / "service", key_file=tmp_path / "keys.json") as client:
            client.headers["X-API-Key"] = key
            yield client

    def enter(self, tab, key):
        tab.wait("!document.querySelector('#ask-key').hidden")
        tab.run(f"document.querySelector('#key').value = {json.dumps(key)}")
        click(tab, "#ask-key .main")

    def test_the_page_asks_for_a_key_until_it_is_valid_and_keeps_it_in_the_tab_alone(self, tab, service, key, tmp_path):
        tab.open(str(service.base_url))
        self.enter(tab, "wrong")
        tab.wait("document.querySelector('#key-problem').textContent === 'This key is not valid.'")
        self.enter(tab, key)
        tab.wait(LIST_IS_THERE)
        upload(tab, *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")
        press(tab, "Open", "call.wav")
        tab.wait(RESULT_IS_THERE)
        assert tab.wait_in_frame("document.querySelector('audio').duration") == pytest.approx(4.0)
        assert tab.run("[localStorage.length, document.cookie, Object.values(sessionStorage)]") == [0, "", [key]]
        assert key not in tab.run("location.href")
        tab.call("Page.reload")
        tab.wait(RESULT_IS_THERE)
        click(tab, "#forget")
        tab.wait("!document.querySelector('#ask-key').hidden && document.querySelector('iframe') === null")
        assert tab.run("[sessionStorage.length, document.querySelector('#jobs').childElementCount]") == [0, 0]
        tab.complaints = [each for each in tab.complaints if "401" not in str(each)]  # the browser logs each


class TestJobs:
    def test_a_running_job_shows_its_stage_and_can_be_cancelled(self, tab, service, tmp_path):
        open_list(tab, service)
        upload(tab, *write(tmp_path, "slow.wav", "next.wav"))
        wait_for_state(tab, "running", "queued")
        tab.wait("/Running: finding speech, [1-9]/.test(document.querySelector('[data-state=running]').innerText)")
        assert 0 < tab.run("document.querySelector('[data-state=running] progress').value") < 0.3 * 30
        press(tab, "Cancel", "slow.wav")
        wait_for_state(tab, "cancelled", "succeeded")
        assert tab.run("document.querySelectorAll('#jobs button:not([hidden])').length") == 3

    def test_without_streams_the_list_is_asked_again(self, tab, service, tmp_path):
        open_list(tab, service)
        tab.run(
            "{ const real = fetch; window.fetch = (path, options) =>"
            "path.endsWith('/events') ? Promise.reject(new TypeError('cut')) : real(path, options); }"
        )
        upload(tab, *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")

    def test_a_failed_job_says_why_and_what_to_do(self, tab, service, tmp_path):
        open_list(tab, service)
        upload(tab, *write(tmp_path, "fail.wav"))
        wait_for_state(tab, "failed")
        text = tab.run("document.querySelector('[data-state=failed] .problem').textContent")
        assert text == "The pipeline failed on it. Try another."

    def test_older_jobs_are_shown_on_request(self, tab, service):
        for number in range(60):
            service.service.queue.add(
                NewJob(
                    id=f"{number:032x}",
                    owner="",
                    work=Work(name=f"{number}.wav").encode(),
                    model="none",
                    audio_seconds=1.0,
                    idempotency_key=None,
                    request_digest="",
                )
            )
            service.service.queue.cancel(f"{number:032x}")
        open_list(tab, service)
        names = "[...document.querySelectorAll('#jobs h3')].map((each) => each.textContent)"
        tab.wait(f"{names}.length === 50")
        click(tab, "#more")
        tab.wait(f"{names}.length === 60")
        assert tab.run(names) == [f"{number}.wav" for number in reversed(range(60))]
        assert tab.run("document.querySelector('#more').hidden")


class TestUploads:
    def test_one_that_is_refused_says_why_and_can_be_tried_again(self, tab, service, tmp_path):
        (tmp_path / "notes.bin").write_text("no audio")
        open_list(tab, service)
        upload(tab, tmp_path / "notes.bin", *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")
        tab.wait("document.querySelector('#uploads .problem').textContent.includes('notes.bin')")
        press(tab, "Try again", "notes.bin")
        tab.wait("!document.querySelector('#uploads .problem').hidden")
        press(tab, "Dismiss", "notes.bin")
        assert tab.run("document.querySelector('#uploads').childElementCount") == 0
        tab.complaints = [each for each in tab.complaints if "422" not in str(each)]  # the browser logs each

    def test_each_recording_gets_the_transcript_of_its_name(self, tab, service, tmp_path):
        for name in ("one", "two"):
            (tmp_path / f"{name}.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\nThis is {name}.\n")
        open_list(tab, service)
        tab.drop("#drop", *write(tmp_path, "one.wav", "two.wav"), tmp_path / "two.srt")
        tab.wait("document.querySelector('[value=label]').checked")
        click(tab, "#upload .main")
        problem = tab.wait("document.querySelector('#upload-problem').textContent")
        assert problem == "There is no transcript for one.wav. Choose one.srt, or one with another suffix."
        tab.drop("#drop", tmp_path / "one.srt")
        tab.wait("document.querySelector('#upload-problem').hidden")
        click(tab, "#upload .main")
        tab.wait("document.querySelectorAll('[data-state=succeeded]').length === 2")
        jobs = {job["name"]: job["id"] for job in service.get("/v1/jobs").json()["jobs"]}
        for name in ("one", "two"):
            assert f"This is {name}." in service.get(f"/v1/jobs/{jobs[f'{name}.wav']}/result?format=txt").text

    def test_the_number_of_speakers_and_the_model_reach_the_service(self, tab, service, tmp_path):
        open_list(tab, service)
        tab.run("document.querySelector('#speakers').value = 2; document.querySelector('#model').value = 'small'")
        upload(tab, *write(tmp_path, "call.wav"), work="run")
        wait_for_state(tab, "succeeded")
        result = service.get(service.get("/v1/jobs").json()["jobs"][0]["links"]["result"]).json()
        assert result["provenance"]["num_speakers"] == 2
        assert result["provenance"]["transcription"]["model"] == "small"


class TestKnownSpeakers:
    SEEN = "document.querySelector('#known').checkVisibility()"

    @pytest.mark.parametrize(("ticked", "expected"), [(True, "[Ada Lovelace]"), (False, "[SPEAKER_00]")])
    def test_they_are_named_where_the_box_is_ticked(self, tab, service, tmp_path, ticked, expected):
        open_list(tab, service)
        assert tab.run(self.SEEN)
        tab.run(f"document.querySelector('#known').checked = {json.dumps(ticked)}")
        upload(tab, *write(tmp_path, "call.wav"), work="run")
        wait_for_state(tab, "succeeded")
        press(tab, "Open", "call.wav")
        tab.wait(RESULT_IS_THERE)
        assert expected in download(tab, "srt", "call.srt")

    def test_a_named_speaker_can_be_given_another_name(self, tab, service, tmp_path):
        open_list(tab, service)
        tab.run("document.querySelector('#known').checked = true")
        upload(tab, *write(tmp_path, "call.wav"), work="run")
        wait_for_state(tab, "succeeded")
        press(tab, "Open", "call.wav")
        tab.wait(RESULT_IS_THERE)
        rename(tab, 0, "Countess of Lovelace")
        assert "[Countess of Lovelace] Word 0." in download(tab, "srt", "call.srt")

    def test_a_server_without_voices_does_not_offer_it(self, tab, tmp_path):
        with listening_service(tmp_path / "service") as client:
            open_list(tab, client)
            assert not tab.run(self.SEEN)
            tab.open("about:blank")


class TestLooks:
    @pytest.fixture
    def busy(self, service, tmp_path):
        """Return a service with a job in each state."""
        for name in ("call.wav", "fail.wav", f"{'long' * 30}.wav", "hang.wav", "next.wav"):
            service.post("/v1/jobs", files={"file": (name, wav())}, data={"task": "run"})
        jobs = {job["name"]: job["id"] for job in service.get("/v1/jobs").json()["jobs"]}
        for name in ("call.wav", "fail.wav"):
            wait_for(service, jobs[name])
        wait_for(service, jobs["hang.wav"], "running")
        service.opened = jobs["call.wav"]
        return service

    def test_texts_have_a_contrast_of_4_5_and_nothing_is_wider_than_a_phone(self, tab, busy):
        for dark in (False, True):
            open_list(tab, busy, width=390, height=844, dark=dark)
            wait_for_state(tab, "running", "queued", "failed", "succeeded")
            click(tab, "[value=label]")
            click(tab, "#upload .main")
            tab.wait("!document.querySelector('#upload-problem').hidden")
            self.check_looks(tab)
            tab.run(f"location.hash = 'job={busy.opened}'")
            tab.wait(RESULT_IS_THERE)
            self.check_looks(tab)

    def check_looks(self, tab):
        texts = tab.run(COLOURS)
        assert len(texts) > 7
        assert [text for text in texts if text[0] < 4.5] == []
        assert tab.run("document.documentElement.scrollWidth") <= 390

    def test_everything_is_reached_with_the_keyboard_and_shows_that_it_has_the_focus(self, tab, service, tmp_path):
        open_list(tab, service)
        upload(tab, *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")
        tab.run("document.activeElement.blur()")
        outlined = """(() => {
            const element = document.activeElement, seen = element.id === 'recordings' ? element.labels[0] : element;
            return [element.id || element.name || element.ariaLabel, getComputedStyle(seen).outlineStyle];
        })()"""
        reached = {}
        for _ in range(9):
            tab.press("Tab")
            reached.update([tab.run(outlined)])
        assert {"recordings", "work", "known", "speakers", "Open call.wav", "Delete call.wav"} <= reached.keys()
        assert {name: style for name, style in reached.items() if name and style == "none"} == {}

    def test_a_job_is_opened_left_and_deleted_with_the_keyboard(self, tab, service, tmp_path):
        open_list(tab, service)
        upload(tab, *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")
        focused = "(document.activeElement.id || document.activeElement.ariaLabel)"
        tab.run("[...document.querySelectorAll('button')].find((each) => each.ariaLabel === 'Open call.wav').focus()")
        tab.press("Enter")
        tab.wait(f"{focused} === 'result-title'")
        tab.run("document.querySelector('#back').focus()")
        tab.press("Enter")
        tab.wait(f"{focused} === 'Open call.wav'")
        tab.press("Tab")
        tab.press("Enter")
        tab.wait(f"{focused} === 'no'")
        tab.press("Escape")
        tab.wait(f"!document.querySelector('#confirm').open && {focused} === 'Delete call.wav'")
        tab.press("Enter")
        tab.wait(f"{focused} === 'no'")
        tab.press("Tab", modifiers=8)  # Shift
        tab.press("Enter")
        tab.wait("!document.querySelector('#no-jobs').hidden")
        assert tab.run(focused) == "recordings"

    def test_what_happens_is_announced(self, tab, service, tmp_path):
        open_list(tab, service)
        tab.run(
            "window.heard = []; new MutationObserver(() => heard.push(document.querySelector('#live').textContent))"
            ".observe(document.querySelector('#live'), { childList: true })"
        )
        assert tab.run("document.querySelector('#live').getAttribute('role')") == "status"
        upload(tab, *write(tmp_path, "call.wav"))
        wait_for_state(tab, "succeeded")
        heard = tab.run("heard")
        assert heard[:2] == ["Uploading call.wav", "call.wav is uploaded"]
        assert heard[-1] == "call.wav: Done"
