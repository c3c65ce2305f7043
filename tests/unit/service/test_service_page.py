"""The page of the service, and what it fetches: safe without a key, and without a byte of another site."""

import re

import pytest
from support.services import running_service, wait_for, wav

from diarize_runner.jobs import device_lock
from diarize_runner.service.keys import add_key
from diarize_runner.service.results import RESULT_FORMATS
from diarize_runner.service.web import page
from diarize_runner.service.workers import attempt, stages
from diarize_runner.transcript.formats import html

NAMES = [("speaker", "SPEAKER_00=Ada Lovelace"), ("speaker", "SPEAKER_01=Bo")]


def part(tag):
    """Return the text of an element of the page."""
    return re.search(rf"<{tag}[^>]*>(.*?)</{tag}>", page.document(), re.DOTALL).group(1)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def finished(client):
    """Return the address of a job that transcribed, and of one that did not."""

    def submit(task, name):
        answer = client.post("/v1/jobs", files={"file": (name, wav())}, data={"task": task})
        assert wait_for(client, answer.json()["id"])["state"] == "succeeded"
        return answer.headers["Location"]

    return {task: submit(task, f"{task}.wav") for task in ("run", "diarize", "vad", "transcribe")}


class TestDocument:
    def test_the_policy_allows_its_script_and_style_and_those_of_the_framed_result(self):
        policy = dict(each.split(" ", 1) for each in page.policy().split("; "))
        script, style = html.allowed_parts()
        assert policy["script-src"] == f"'{html.csp_hash(part('script'))}' '{html.csp_hash(script)}'"
        assert policy["style-src"] == f"'{html.csp_hash(part('style'))}' '{html.csp_hash(style)}'"
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"]
        assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
        assert not re.search(r"unsafe|http|\*", page.policy())

    def test_it_has_words_for_each_stage_of_a_job(self):
        described = re.search(r"const STAGES = \{(.*?)\};", part("script"), re.DOTALL).group(1)
        before = {"verify", attempt._LOADING, device_lock._STAGE}
        within = {name for shares in stages._SHARES.values() for name in shares}
        assert set(re.findall(r'(\w[\w ]*\w)"?: "', described)) == within | before

    def test_it_loads_nothing_from_elsewhere(self):
        written = page.document().replace("xmlns='http://www.w3.org/2000/svg'", "")
        assert "://" not in written
        targets = re.findall(r'(?:src|href)="([^"]*)"', written)
        assert [each for each in targets if not each.startswith("data:")] == ["#"]
        assert "url(" not in written
        assert "@import" not in written

    def test_it_has_no_handler_in_an_attribute_and_makes_no_html_of_texts(self):
        assert not re.search(r'\s(?:on\w+|style)="', page.document())
        unsafe = r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|eval\(|Function\("
        assert not re.search(unsafe, part("script"))

    def test_it_is_small(self):
        assert len(page.document().encode()) < 48 << 10
        assert len(part("script").splitlines()) < 520

    def test_nothing_moves_for_people_who_want_less_motion(self):
        moving = re.compile(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}", re.DOTALL)
        still, found = moving.subn("", part("style"))
        assert found == 1
        assert not re.search("transition|animation|scroll-behavior", still)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_it_is_served_with_its_policy(self, client, method):
        answer = client.request(method, "/")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert answer.headers["Content-Security-Policy"] == page.policy()
        assert answer.text == (page.document() if method == "GET" else "")


def test_the_page_needs_no_key_and_everything_else_does(tmp_path):
    keys = tmp_path / "keys.json"
    add_key(keys, "ada")
    with running_service(tmp_path / "service", key_file=keys) as client:
        assert client.get("/").status_code == 200
        job = "/v1/jobs/" + "0" * 32
        closed = ["/v1/jobs", "/v1/models", *(f"{job}{end}" for end in ("", "/recording", "/view", "/formats"))]
        assert {client.get(path).status_code for path in closed} == {401}
        assert client.post("/").status_code == 401


def test_what_belongs_to_another_key_is_not_found(tmp_path):
    keys = tmp_path / "keys.json"
    ada, bo = ({"X-API-Key": add_key(keys, name)} for name in ("ada", "bo"))
    with running_service(tmp_path / "service", key_file=keys) as client:
        job = client.post("/v1/jobs", files={"file": ("call.wav", wav())}, headers=ada).json()["id"]
        wait_for(client, job, headers=ada)
        for end in ("recording", "view", "formats"):
            assert client.get(f"/v1/jobs/{job}/{end}", headers=ada).status_code == 200
            assert client.get(f"/v1/jobs/{job}/{end}", headers=bo).status_code == 404


class TestRecording:
    def test_it_is_what_was_uploaded(self, client, finished):
        answer = client.get(f"{finished['run']}/recording")
        assert answer.content == wav()
        assert answer.headers["Content-Type"] == "audio/x-wav"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="run.wav"'

    def test_a_range_of_it_can_be_fetched(self, client, finished):
        answer = client.get(f"{finished['run']}/recording", headers={"Range": "bytes=4-11"})
        assert (answer.status_code, answer.content) == (206, wav()[4:12])
        assert answer.headers["Content-Range"] == f"bytes 4-11/{len(wav())}"

    @pytest.mark.parametrize("name", ["call.html", "call.svg", "call", 'x".html'])
    def test_no_name_makes_it_a_document_that_a_browser_opens(self, client, name):
        job = client.post("/v1/jobs", files={"file": (name, wav())}).headers["Location"]
        answer = client.get(f"{job}/recording")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_one_that_was_removed_is_not_found(self, client):
        job = client.post("/v1/jobs", files={"file": ("gone.wav", wav())}).json()["id"]
        wait_for(client, job)
        client.service.folder.job(job).upload.unlink()
        answer = client.get(f"/v1/jobs/{job}/recording")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:diarize-runner:problem:no-recording")


class TestFormats:
    @pytest.mark.parametrize("task", ["run", "diarize", "vad", "transcribe"])
    def test_those_that_are_listed_can_be_fetched_and_no_others(self, client, finished, task):
        listed = {each["name"] for each in client.get(f"{finished[task]}/formats").json()["formats"]}
        fetched = {
            name
            for name in RESULT_FORMATS
            if client.get(f"{finished[task]}/result", params={"format": name}).status_code == 200
        }
        assert listed == fetched
        assert ("srt" in listed, "rttm" in listed) == (task in ("run", "transcribe"), task != "transcribe")

    def test_each_has_a_suffix_and_a_description(self, client, finished):
        formats = {each["name"]: each for each in client.get(f"{finished['run']}/formats").json()["formats"]}
        assert formats["textgrid"] == {"name": "textgrid", "suffix": ".TextGrid", "description": "for Praat"}
        assert formats["json-whisperx"]["suffix"] == ".json"


class TestNamesOfSpeakers:
    @pytest.mark.parametrize("kind", [kind for kind in RESULT_FORMATS if kind != "ctm"])  # CTM has no speakers
    def test_each_format_has_them(self, client, finished, kind):
        answer = client.get(f"{finished['run']}/result", params=[("format", kind), *NAMES])
        assert answer.status_code == 200
        assert re.search("Ada[_ ]Lovelace", answer.text)
        assert "SPEAKER_0" not in answer.text
        stored = client.get(f"{finished['run']}/result", params={"format": kind})
        for header in ("Content-Type", "X-Content-Type-Options"):
            assert answer.headers[header] == stored.headers[header]

    @pytest.mark.parametrize("kind", RESULT_FORMATS)
    def test_a_result_is_written_again_as_it_was(self, client, finished, kind):
        query = {"format": kind, "speaker": "SPEAKER_09=nobody"}
        assert (
            client.get(f"{finished['run']}/result", params=query).content
            == client.get(f"{finished['run']}/result", params={"format": kind}).content
        )

    def test_one_name_for_two_labels_makes_them_one_speaker(self, client, finished):
        query = [("speaker", "SPEAKER_00=Ada"), ("speaker", "SPEAKER_01=Ada")]
        assert client.get(f"{finished['diarize']}/result", params=query).json()["speakers"] == ["Ada"]

    @pytest.mark.parametrize(
        "speakers", [["Ada"], ["SPEAKER_00="], ["=Ada"], ["SPEAKER_00=A\nB"], ["SPEAKER_00=A", "SPEAKER_00=B"]]
    )
    def test_a_name_that_cannot_be_used_is_refused(self, client, finished, speakers):
        answer = client.get(f"{finished['diarize']}/result", params={"speaker": speakers})
        assert (answer.status_code, answer.json()["hint"]) == (422, "write LABEL=NAME, such as SPEAKER_00=Ada")


class TestView:
    def test_it_has_a_player_for_the_recording_that_the_page_sends(self, client, finished):
        written = client.get(f"{finished['run']}/view", params={"player": True}).text
        assert '<audio controls preload="metadata"></audio>' in written
        assert "media-src blob:;" in written

    def test_it_has_no_player_without_a_recording(self, client, finished):
        written = client.get(f"{finished['run']}/view").text
        assert written == client.get(f"{finished['run']}/result", params={"format": "html"}).text
        assert "<audio" not in written

    def test_a_browser_that_opens_it_by_itself_saves_it_and_runs_nothing(self, client, finished):
        headers = client.get(f"{finished['run']}/view").headers
        assert headers["Content-Disposition"].startswith("attachment;")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
