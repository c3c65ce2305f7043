"""Requests that ask for the names of known speakers: in every answer, and refused where nobody is known."""

import json

import pytest

pytest.importorskip("fastapi")

from support.endpoints import decode_wav, problem, shared_service
from support.services import wait_for, wav
from support.voices import MODEL, OTHER_MODEL, voice_of

from diarize_runner.digests import hash_bytes
from diarize_runner.service.intake import Submission
from diarize_runner.service.results import RESULT_FORMATS
from diarize_runner.service.work import Work
from diarize_runner.voices.file import add_voice, delete_voice

ASK = {"known_speakers": "true"}
ADA, BO = voice_of("ada", "Ada Lovelace"), voice_of("bo", "Bo")
HINT = "leave out known_speakers"


@pytest.fixture(scope="module")
def voices_path(tmp_path_factory):
    return tmp_path_factory.mktemp("etc") / "voices.json"


@pytest.fixture
def voices(voices_path):
    """The file of voices, which knows the first speaker of every recording."""
    voices_path.unlink(missing_ok=True)
    add_voice(voices_path, ADA, MODEL)
    return voices_path


@pytest.fixture(scope="module")
def one_client(tmp_path_factory, voices_path):
    with shared_service(tmp_path_factory, decode=decode_wav, voice_file=voices_path, voice_threshold=0.7) as client:
        yield client


@pytest.fixture(scope="module")
def in_all_formats(one_client, voices_path):
    """Return a function of a format, which returns a result without names, and the same one with them."""
    add_voice(voices_path, ADA, MODEL)
    unnamed, named = (job_of(one_client, task="run", **fields)["links"]["result"] for fields in ({}, ASK))
    return lambda kind: [one_client.get(f"{each}?format={kind}").text for each in (unnamed, named)]


@pytest.fixture
def client(one_client, voices):
    """Return a client of a server with voices."""
    return one_client


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Return a client of a server without voices."""
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


def send(client, path, part="file", **fields):
    return client.post(path, files={part: ("call.wav", wav())}, data=fields)


def job_of(client, **fields):
    """Return a job that has ended."""
    return wait_for(client, send(client, "/v1/jobs", **fields).json()["id"])


def result_of(client, kind="json", **fields):
    """Return the result of a job."""
    job = job_of(client, **fields)
    assert job["state"] == "succeeded", job
    return client.get(f"/v1/jobs/{job['id']}/result", params={"format": kind})


class TestNames:
    def test_a_speaker_whom_nobody_knows_keeps_the_label(self, client):
        assert result_of(client, **ASK).json()["speakers"] == ["Ada Lovelace", "SPEAKER_01"]

    @pytest.mark.parametrize("kind", RESULT_FORMATS)
    def test_every_format_that_has_speakers_has_them(self, in_all_formats, kind):
        unnamed, named = in_all_formats(kind)
        assert named.count("Ada Lovelace") + named.count("Ada_Lovelace") >= unnamed.count("SPEAKER_00")
        assert "SPEAKER_00" not in named

    def test_a_transcript_that_comes_along_has_them(self, client):
        srt = b"1\n00:00:00,100 --> 00:00:01,500\nHello there.\n"
        files = {"file": ("call.wav", wav()), "transcript": ("call.srt", srt)}
        job = wait_for(client, client.post("/v1/jobs", files=files, data=ASK).json()["id"])
        assert "[Ada Lovelace] Hello there." in client.get(f"{job['links']['result']}?format=srt").text

    @pytest.mark.parametrize(
        ("path", "part", "fields"),
        [
            ("/v1/diarize", "file", {}),
            ("/api/v1/diarize/file", "audio", {}),
            ("/v1/audio/diarization", "file", {}),
            ("/v1/audio/diarization", "file", {"response_format": "verbose_json", "include_text": "true"}),
            ("/v1/audio/transcriptions", "file", {"response_format": "diarized_json"}),
        ],
    )
    def test_each_answer_in_json_has_them(self, client, path, part, fields):
        answer = send(client, path, part, **fields, **ASK).json()
        assert [each["speaker"] for each in answer["segments"]] == ["Ada Lovelace", "SPEAKER_01"]
        assert "SPEAKER_00" not in json.dumps(answer)

    @pytest.mark.parametrize(
        ("path", "kind", "words"),
        [
            ("/v1/audio/diarization", "rttm", " Ada_Lovelace "),
            ("/v1/audio/transcriptions", "srt", "[Ada Lovelace] Word 0."),
            ("/v1/audio/transcriptions", "vtt", "<v Ada Lovelace>Word 0."),
            ("/v1/audio/transcriptions", "text", "Ada Lovelace: Word 0."),
        ],
    )
    def test_each_answer_in_text_has_them(self, client, path, kind, words):
        assert words in send(client, path, response_format=kind, **ASK).text

    @pytest.mark.parametrize("path", ["/diarize", "/batch-diarize"])
    def test_the_job_api_numbers_only_speakers_whom_nobody_knows(self, client, path):
        part = "audio_file" if path == "/diarize" else "files"
        submitted = send(client, path, part, **ASK).json()
        job_id = submitted["job_id"] if path == "/diarize" else submitted["jobs"][0]["job_id"]
        wait_for(client, job_id)
        result = client.get(f"/status/{job_id}").json()["result"]
        assert result["speakers"].keys() == {"Ada Lovelace", "Speaker_01"}
        assert result["transcript"].splitlines()[0] == "Ada Lovelace [0.00s - 1.00s]: Word 0."

    def test_the_job_api_numbers_speech_of_nobody_in_particular_as_before(self, client):
        found = client.get(f"/status/{job_of(client, task='vad')['id']}").json()["result"]
        assert found["speakers"].keys() == {"Speaker_01"}

    def test_an_item_of_the_gpu_queue_has_them(self, client):
        item = send(client, "/api/v1/queue", "audio", operation="diarize", **ASK).json()
        wait_for(client, item["id"])
        turns = client.get(f"/api/v1/queue/{item['id']}").json()["result"]["segments"]
        assert [turn["speaker"] for turn in turns] == ["Ada Lovelace", "SPEAKER_01"]

    def test_a_client_can_give_another_name_when_it_fetches_the_result(self, client):
        address = f"/v1/jobs/{job_of(client, **ASK)['id']}/result"
        assert client.get(address, params={"speaker": "Ada Lovelace=Ada"}).json()["speakers"] == ["Ada", "SPEAKER_01"]

    def test_without_the_field_a_result_is_that_of_a_server_without_voices(self, client, stranger):
        for kind in ("json", "rttm", "srt", "html"):
            assert result_of(client, kind, task="run").content == result_of(stranger, kind, task="run").content

    @pytest.mark.parametrize("kind", RESULT_FORMATS)
    def test_no_result_has_an_embedding(self, in_all_formats, kind):
        assert not [each for each in ADA.embeddings[0] if f"{abs(each):.4f}"[1:] in in_all_formats(kind)[1]]

    def test_the_provenance_tells_which_voices_and_which_threshold_decided(self, client, voices):
        digest = str(hash_bytes(voices.read_bytes()).digest)
        document = result_of(client, **ASK).json()
        assert document["provenance"]["known_speakers"] == {"voices": digest, "threshold": 0.7}


class TestTheFileMayChange:
    def test_a_voice_is_known_once_it_is_enrolled_and_unknown_once_it_is_deleted(self, client, voices):
        add_voice(voices, BO, MODEL)
        assert result_of(client, **ASK).json()["speakers"] == ["Ada Lovelace", "Bo"]
        delete_voice(voices, "Ada Lovelace")
        assert result_of(client, **ASK).json()["speakers"] == ["Bo", "SPEAKER_00"]

    def test_a_file_without_voices_names_nobody(self, client, voices):
        delete_voice(voices, "Ada Lovelace")
        assert result_of(client, **ASK).json()["speakers"] == ["SPEAKER_00", "SPEAKER_01"]

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda path: path.unlink(), "cannot read the voices voices.json: No such file"),
            (lambda path: path.chmod(0o644), "other users can use voices.json"),
            (lambda path: path.write_bytes(b""), "voices.json is empty"),
            (lambda path: path.write_bytes(b"{}"), "voices.json"),
            (lambda path: [path.unlink(), add_voice(path, ADA, OTHER_MODEL)], "of another embedding model"),
        ],
        ids=["gone", "readable by others", "empty", "no voices", "of another model"],
    )
    def test_a_job_fails_with_the_reason_if_it_cannot_be_used_and_the_next_one_runs(self, client, voices, spoil, words):
        spoil(voices)
        job = job_of(client, **ASK)
        assert (job["state"], job["attempts"]) == ("failed", 1)
        assert job["failure"]["detail"].startswith("the speakers cannot be named: ")
        assert words in job["failure"]["detail"]
        assert HINT in job["failure"]["hint"]
        assert job_of(client)["state"] == "succeeded"
        stored = client.service.queue.find(job["id"]).failure
        assert str(voices.parent) not in f"{stored.message} {stored.hint}"


class TestRefused:
    @pytest.mark.parametrize(
        ("path", "part", "fields"),
        [
            ("/v1/jobs", "file", {}),
            ("/v1/diarize", "file", {}),
            ("/diarize", "audio_file", {}),
            ("/batch-diarize", "files", {}),
            ("/api/v1/diarize/file", "audio", {}),
            ("/api/v1/queue", "audio", {"operation": "diarize"}),
            ("/v1/audio/diarization", "file", {}),
            ("/v1/audio/transcriptions", "file", {"response_format": "diarized_json"}),
        ],
    )
    def test_a_server_without_voices_names_nobody(self, stranger, path, part, fields):
        found = problem(send(stranger, path, part, **fields, **ASK))
        assert (found["status"], found["type"]) == (400, "urn:diarize-runner:problem:no-voices")
        assert HINT in found["hint"]
        assert send(stranger, path, part, **fields, known_speakers="false").status_code < 300

    @pytest.mark.parametrize(
        ("path", "part", "fields"),
        [
            ("/v1/jobs", "file", {"task": "vad"}),
            ("/v1/jobs", "file", {"task": "transcribe"}),
            ("/api/v1/queue", "audio", {"operation": "vad"}),
            ("/v1/audio/transcriptions", "file", {}),
            ("/v1/audio/transcriptions", "file", {"response_format": "verbose_json"}),
        ],
    )
    def test_a_result_without_speakers_has_no_names(self, client, path, part, fields):
        found = problem(send(client, path, part, **fields, **ASK))
        assert (found["status"], found["detail"]) == (422, "the result would have no speakers to name")
        assert HINT in found["hint"]

    def test_speech_has_no_speakers_so_the_field_is_unknown_there(self, client):
        assert send(client, "/v1/vad", **ASK).json()["warnings"] == ["the field 'known_speakers' is ignored"]

    def test_a_box_without_voices_fails_a_job_that_asks_for_names(self, stranger, tmp_path):
        """Another box, which has voices, took the job."""
        submission = Submission(owner="", work=Work(name="call.wav", known_speakers=True))
        (tmp_path / "call.wav").write_bytes(wav())
        with (tmp_path / "call.wav").open("rb") as upload:
            accepted = stranger.service.intake.accept(submission, upload)
        job = wait_for(stranger, accepted.job.id)
        assert (job["state"], job["attempts"]) == ("failed", 1)
        assert "has no voices" in job["failure"]["detail"]
        assert HINT in job["failure"]["hint"]


def test_clients_can_ask_whether_a_server_knows_anybody(client, stranger):
    assert client.get("/v1/capabilities").json() == {"known_speakers": True}
    assert stranger.get("/v1/capabilities").json() == {"known_speakers": False}
