"""Requests that bring a few seconds of the speakers whom they name, as clients of OpenAI do."""

import base64
import json

import pytest

pytest.importorskip("fastapi")

from support.endpoints import decode_wav, files_of, problem, shared_service
from support.services import wait_for, wav
from support.voices import MODEL, PITCHES, voice_of

from diarize_runner.service.intake import Submission
from diarize_runner.service.references import Reference
from diarize_runner.service.work import Work
from diarize_runner.voices.file import add_voice

PATH = "/v1/audio/transcriptions"
NAMES, REFERENCES = "known_speaker_names[]", "known_speaker_references[]"


def speech(person, seconds=3.0):
    return wav(seconds, pitch=PITCHES[person])


def url(data, kind="audio/wav"):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Return a client of a server with voices, which know the speakers by other names."""
    voices = tmp_path_factory.mktemp("etc") / "voices.json"
    for person in ("ada", "bo"):
        add_voice(voices, voice_of(person, f"{person} of the server"), MODEL)
    with shared_service(tmp_path_factory, decode=decode_wav, voice_file=voices) as client:
        yield client


def send(client, pairs, kind="diarized_json", **fields):
    data = {NAMES: [name for name, _ in pairs], REFERENCES: [each for _, each in pairs], "response_format": kind}
    return client.post(PATH, files={"file": ("call.wav", wav())}, data={**data, **fields})


def speakers(answer):
    assert answer.status_code == 200, answer.text
    return [each["speaker"] for each in answer.json()["segments"]]


AGENT, CALLER = ("agent", url(speech("ada"))), ("caller", url(speech("bo")))


class TestNames:
    @pytest.mark.parametrize(
        ("pairs", "expected"),
        [
            ([AGENT, CALLER], ["agent", "caller"]),
            ([CALLER, AGENT], ["agent", "caller"]),
            ([CALLER], ["SPEAKER_00", "caller"]),
            ([("agent", url(speech("cy")))], ["SPEAKER_00", "SPEAKER_01"]),
            ([], ["SPEAKER_00", "SPEAKER_01"]),
        ],
        ids=["both", "in any order", "one", "a stranger", "none"],
    )
    def test_a_speaker_has_the_name_of_the_reference_of_that_voice(self, client, pairs, expected):
        assert speakers(send(client, pairs)) == expected

    @pytest.mark.parametrize(("kind", "words"), [("srt", "[agent] Word 0."), ("vtt", "<v caller>Word 1.")])
    def test_texts_have_them(self, client, kind, words):
        assert words in send(client, [AGENT, CALLER], kind).text

    @pytest.mark.parametrize("kind", ["json", "verbose_json"])
    def test_an_answer_without_speakers_warns_that_they_are_ignored(self, client, kind):
        answer = send(client, [AGENT], kind)
        assert answer.status_code == 200
        assert "known_speaker_names[]' is ignored" in answer.headers["X-Warning"]

    def test_they_name_speakers_of_their_own_request_alone_and_leave_nothing(self, client):
        assert speakers(send(client, [AGENT])) == ["agent", "SPEAKER_01"]
        assert speakers(send(client, [])) == ["SPEAKER_00", "SPEAKER_01"]
        assert files_of(client) == []

    def test_a_reference_of_silence_fails_the_job_and_the_next_one_runs(self, client):
        found = problem(send(client, [("agent", url(wav(3.0, level=0.0)))]), slug="job-failed")
        assert found["detail"] == "the reference of agent has too little speech"
        assert speakers(send(client, [AGENT])) == ["agent", "SPEAKER_01"]


@pytest.fixture
def job(client, tmp_path):
    """Return a job with a reference, which has ended."""
    (tmp_path / "call.wav").write_bytes(wav())
    work = Work(name="call.wav", references=("agent",))
    submission = Submission(owner="", work=work, references=(Reference(name="agent", audio=speech("ada")),))
    with (tmp_path / "call.wav").open("rb") as upload:
        accepted = client.service.intake.accept(submission, upload)
    yield wait_for(client, accepted.job.id)
    client.delete(f"/v1/jobs/{accepted.job.id}")


def test_the_samples_of_a_reference_go_when_the_job_has_ended(client, job):
    result = client.get(job["links"]["result"]).json()
    assert result["speakers"] == ["SPEAKER_01", "agent"]
    assert result["provenance"]["known_speakers"].keys() == {"voices", "threshold"}
    kept = {path.name for path in client.service.folder.job(job["id"]).path.iterdir()}
    assert {name for name in kept if not name.startswith("result-")} == {"upload", "recording.json"}


def test_only_releases_that_can_name_speakers_take_a_job_with_references():
    work = Work(name="call.wav", references=("agent", "caller"))
    assert work.version == 2
    assert Work.decode(work.encode()) == work
    assert "references" not in json.loads(Work(name="call.wav").encode())


class TestRefused:
    @pytest.mark.parametrize(
        "reference",
        [
            "",
            "data:,",
            "data:audio/wav,abc",
            "data:audio/wav;base64",
            "data:audio/wav;base64,",
            "data:;base64,%%%",
            "https://example.com/a.wav",
            "file:///etc/passwd",
            "/etc/passwd",
        ],
    )
    def test_what_is_no_data_url_is_refused_without_being_quoted(self, client, reference):
        answer = send(client, [("agent", reference)])
        assert problem(answer, slug="invalid-request")["status"] == 422
        assert "passwd" not in answer.text
        assert "example.com" not in answer.text

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"no audio", "cannot decode the reference of agent"),
            (speech("ada", 1.0), "the reference of agent lasts 1.0 s"),
            (speech("ada", 11.0), "the reference of agent is longer than 10.2 s"),
        ],
        ids=["no audio", "too short", "too long"],
    )
    def test_a_reference_has_2_to_10_seconds_of_audio(self, client, data, words):
        found = problem(send(client, [("agent", url(data))]), slug="unreadable-recording")
        assert words in found["detail"]
        assert files_of(client) == []

    @pytest.mark.parametrize("seconds", [2.0, 10.0])
    def test_the_bounds_are_accepted(self, client, seconds):
        assert speakers(send(client, [("agent", url(speech("ada", seconds)))])) == ["agent", "SPEAKER_01"]

    @pytest.mark.parametrize(
        ("names", "count", "words"),
        [
            (["agent"], 0, "1 known_speaker_names[], and 0 known_speaker_references[]"),
            ([], 1, "0 known_speaker_names[], and 1 known_speaker_references[]"),
            (["agent"], 2, "1 known_speaker_names[], and 2 known_speaker_references[]"),
            ([*"abcde"], 5, "at most 4 items"),
        ],
    )
    def test_each_of_up_to_4_names_has_a_reference(self, client, names, count, words):
        data = {NAMES: names, REFERENCES: [AGENT[1]] * count, "response_format": "diarized_json"}
        found = problem(client.post(PATH, files={"file": ("call.wav", wav())}, data=data), slug="invalid-request")
        assert words in found["detail"]

    @pytest.mark.parametrize(
        ("names", "words"),
        [
            (["SPEAKER_00"], "is a label"),
            (["agent\n"], "control characters"),
            (["a" * 256], "256 characters"),
            (["agent", "Agent"], "the same name"),
        ],
    )
    def test_a_name_is_one_that_every_format_can_write(self, client, names, words):
        found = problem(send(client, [(name, AGENT[1]) for name in names]), slug="invalid-request")
        assert words in found["detail"]

    def test_names_come_from_one_source(self, client):
        found = problem(send(client, [AGENT], known_speakers="true"), slug="invalid-request")
        assert found["detail"] == "known_speakers excludes known_speaker_references[]"

    def test_a_large_reference_is_taken_and_a_larger_one_is_not(self, client):
        wide = base64.b64encode(wav(10.0, rate=48_000)).decode()
        found = problem(send(client, [("agent", f"data:audio/wav;base64,{wide}")]))
        assert "is longer than" in found["detail"], "the fake decoder takes 48 kHz for 16 kHz"
        answer = send(client, [("agent", "data:audio/wav;base64," + "A" * (2 << 20))])
        assert "maximum size" in problem(answer)["detail"]

    def test_a_form_of_this_endpoint_needs_less_memory_than_others(self, client):
        many = {f"note{number}": "a" for number in range(41)}
        assert "Too many fields" in problem(send(client, [AGENT], **many))["detail"]
