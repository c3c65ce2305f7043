"""Clients of other transcription servers work with this one: curl, requests, and the client of OpenAI."""

import base64
import json
import os
import subprocess
import time

import pytest

pytest.importorskip("fastapi")
openai = pytest.importorskip("openai")

import requests  # noqa: E402
from support.served import served, started  # noqa: E402
from support.services import wav  # noqa: E402
from support.voices import PITCHES  # noqa: E402

SECONDS = 12.0
TURN_KEYS = {"start", "end", "speaker"}
LINES = ["Word 0.", "Word 1.", "Word 2.", "Word 3.", "Word 4.", "Word 5."]
SPEAKERS = ["SPEAKER_00", "SPEAKER_01"] * 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "audio.wav").write_bytes(wav(SECONDS))
    with served(folder) as running:
        yield running


@pytest.fixture(scope="module")
def audio(server):
    return server.folder / "audio.wav"


@pytest.fixture
def shell(server, audio):
    """Run a line of a shell, beside audio.wav; return what it prints."""
    return shell_of(server, audio.parent)


def shell_of(server, folder):
    def run(line):
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=folder,
            env={**os.environ, "ENDPOINT": server.url, "KEY": server.key},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def ask(shell):
    """Run a line of a shell; return the JSON document that it prints."""
    return lambda line: json.loads(shell(line))


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0) as client:
        yield client


@pytest.fixture
def transcribe(client, audio):
    """Transcribe audio.wav; return the parsed response and its headers."""

    def run(kind, **more):
        with audio.open("rb") as file:
            found = client.audio.transcriptions.with_raw_response.create(
                model="whisper-1", file=file, response_format=kind, **more
            )
        return found.parse(), found.headers

    return run


def data_url(data):
    return f"data:audio/wav;base64,{base64.b64encode(data).decode()}"


def speaker_turns(segments):
    return [(each["start"], each["speaker"]) for each in segments]


EXPECTED_TURNS = [(2.0 * number, speaker) for number, speaker in enumerate(SPEAKERS)]


class TestOpenShiftServer:
    def test_health_needs_no_key(self, ask):
        answer = ask('curl -sk "$ENDPOINT/health"')

        assert answer.keys() == {"status", "model_loaded", "device"}
        assert answer["status"] == "healthy"

    @pytest.mark.parametrize(
        "fields", ['-F "num_speakers=2"', '-F "min_speakers=2" -F "max_speakers=5"', ""], ids=["exact", "range", "none"]
    )
    def test_curl_gets_the_speaker_turns(self, ask, fields):
        line = f"""curl -sk "$ENDPOINT/v1/diarize" \\
            -H "Authorization: Bearer $KEY" \\
            -F "file=@audio.wav" {fields}"""
        answer = ask(line)

        assert answer == {"segments": answer["segments"], "num_speakers": 2, "warnings": []}
        assert all(each.keys() == TURN_KEYS for each in answer["segments"])
        assert speaker_turns(answer["segments"]) == EXPECTED_TURNS

    def test_curl_gets_the_speech(self, ask):
        answer = ask('curl -sk "$ENDPOINT/v1/vad" -H "Authorization: Bearer $KEY" -F "file=@audio.wav"')

        assert len(answer["speech_segments"]) == len(EXPECTED_TURNS)
        assert all(each.keys() == {"start", "end"} for each in answer["speech_segments"])

    def test_a_client_transcribes_and_then_diarizes(self, server, audio):
        with audio.open("rb") as file:
            whisper_response = requests.post(
                f"{server.url}/v1/audio/transcriptions",
                headers=server.headers,
                files={"file": file},
                data={"model": "small"},
                timeout=60,
            )
        with audio.open("rb") as file:
            diarization_response = requests.post(
                f"{server.url}/v1/diarize", headers=server.headers, files={"file": file}, timeout=60
            )

        assert whisper_response.json()["text"] == " ".join(LINES)
        assert speaker_turns(diarization_response.json()["segments"]) == EXPECTED_TURNS


class TestJobApi:
    SUBMIT = """curl -s -X POST "$ENDPOINT/diarize" \\
        -H "accept: application/json" \\
        -H "Content-Type: multipart/form-data" \\
        -H "Authorization: Bearer $KEY" \\
        -F "audio_file=@audio.wav\""""

    def test_curl_submits_and_follows_a_job(self, ask):
        submitted = ask(self.SUBMIT)
        assert submitted["status"] == "queued"
        job = completed(ask, submitted["job_id"])
        result = job["result"]

        assert {name: job[name] for name in ("job_id", "status", "progress")} == {
            "job_id": submitted["job_id"],
            "status": "completed",
            "progress": 1.0,
        }
        assert result["transcript"].splitlines()[0] == "Speaker_01 [0.00s - 1.00s]: Word 0."
        assert result["speakers"].keys() == {"Speaker_01", "Speaker_02"}
        assert result["speakers"]["Speaker_01"] == {
            "total_duration": 6.0,
            "percentage": 50.0,
            "segment_count": 3,
            "word_count": 3,
        }
        assert [each["text"] for each in result["segments"]] == LINES
        assert (result["processing_time"], result["audio_duration"], result["total_speakers"]) == (0.5, SECONDS, 2)

    def test_a_job_of_nobody_is_not_found(self, ask):
        answer = ask('curl -s "$ENDPOINT/status/0123" -H "Authorization: Bearer $KEY"')

        assert (answer["status"], answer["type"]) == (404, "urn:diarize-runner:problem:job-not-found")


def completed(ask, job_id):
    """Ask for a job until it has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = ask(f'curl -s "$ENDPOINT/status/{job_id}" -H "Authorization: Bearer $KEY"')
        if job["status"] in ("completed", "failed"):
            return job
    raise AssertionError(job)


@pytest.mark.long
def test_a_server_of_this_machine_needs_no_key(audio, tmp_path):
    with started(tmp_path, "") as server:
        shell = shell_of(server, audio.parent)
        diarized = json.loads(shell('curl -sk "$ENDPOINT/v1/diarize" -F "file=@audio.wav" -F "num_speakers=2"'))
        submitted = json.loads(shell(TestJobApi.SUBMIT.replace('-H "Authorization: Bearer $KEY"', "")))
        status = json.loads(shell(f'curl -s "$ENDPOINT/status/{submitted["job_id"]}"'))

    assert speaker_turns(diarized["segments"]) == EXPECTED_TURNS
    assert (submitted["status"], status["job_id"]) == ("queued", submitted["job_id"])


class TestGpuQueue:
    def test_curl_diarizes_with_its_key_header(self, ask):
        answer = ask("""curl -s -X POST "$ENDPOINT/api/v1/diarize/file" \\
            -H "x-api-key: $KEY" \\
            -F "audio=@$PWD/audio.wav" \\
            -F "min_speakers=1" \\
            -F "max_speakers=5\"""")

        assert speaker_turns(answer["segments"]) == EXPECTED_TURNS
        assert (answer["num_speakers"], answer["performance"]) == (2, SECONDS / 0.5)

    def test_requests_prints_the_turns(self, server, audio):
        with audio.open("rb") as file:
            response = requests.post(
                f"{server.url}/api/v1/diarize/file",
                headers={"x-api-key": server.key},
                files={"audio": file},
                data={"min_speakers": 1, "max_speakers": 10},
                timeout=60,
            )
        lines = [
            f"[{segment['start']:.2f}s - {segment['end']:.2f}s] {segment['speaker']}"
            for segment in response.json()["segments"]
        ]

        assert lines[:2] == ["[0.00s - 2.00s] SPEAKER_00", "[2.00s - 4.00s] SPEAKER_01"]

    def test_an_item_of_the_queue_gets_its_result(self, ask):
        key = '-H "x-api-key: $KEY"'
        item = ask(f'curl -s "$ENDPOINT/api/v1/queue" {key} -F "audio=@audio.wav" -F "operation=diarize"')
        completed(ask, item["id"])
        item = ask(f'curl -s "$ENDPOINT/api/v1/queue/{item["id"]}" {key}')

        assert (item["operation"], item["status"]) == ("diarize", "succeeded")
        assert speaker_turns(item["result"]["segments"]) == EXPECTED_TURNS

    def test_a_wrong_key_is_refused(self, ask):
        answer = ask('curl -s "$ENDPOINT/api/v1/diarize/file" -H "x-api-key: YOUR_API_KEY" -F "audio=@audio.wav"')

        assert (answer["status"], answer["title"]) == (401, "A valid API key is required")


class TestLocalAi:
    CALL = 'curl -s "$ENDPOINT/v1/audio/diarization" -H "Authorization: Bearer $KEY" -F "file=@audio.wav"'

    def test_json_has_the_turns(self, ask):
        answer = ask(f'{self.CALL} -F "model=pyannote-diarization" -F "clustering_threshold=0.5"')

        assert answer.keys() == {"task", "duration", "num_speakers", "segments", "warnings"}
        assert answer["segments"][1] == {
            "id": 1,
            "speaker": "SPEAKER_01",
            "label": "SPEAKER_01",
            "start": 2.0,
            "end": 4.0,
        }
        assert answer["warnings"] == ["the field 'clustering_threshold' is ignored"]

    def test_verbose_json_has_speakers_and_text(self, ask):
        answer = ask(f'{self.CALL} -F "response_format=verbose_json" -F "include_text=true"')

        assert [each["text"] for each in answer["segments"]] == LINES
        assert answer["speakers"][0] == {
            "id": "SPEAKER_00",
            "label": "SPEAKER_00",
            "total_speech_duration": 6.0,
            "segment_count": 3,
        }

    def test_rttm_is_text(self, shell):
        lines = shell(f'{self.CALL} -F "response_format=rttm"').splitlines()

        assert lines[0] == "SPEAKER audio 1 0.000 2.000 <NA> <NA> SPEAKER_00 <NA> <NA>"
        assert len(lines) == len(EXPECTED_TURNS)


class TestOpenAi:
    def test_json_has_the_text(self, transcribe):
        assert transcribe("json")[0].text == " ".join(LINES)

    @pytest.mark.parametrize(
        ("kind", "first"),
        [
            ("text", "[00:00:00] SPEAKER_00: Word 0.\n"),
            ("srt", "1\n00:00:00,000 --> 00:00:01,000\n[SPEAKER_00] Word 0.\n"),
            ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v SPEAKER_00>Word 0.</v>\n"),
        ],
    )
    def test_texts_name_the_speakers(self, transcribe, kind, first):
        text, _ = transcribe(kind)

        assert isinstance(text, str)
        assert text.startswith(first)

    def test_verbose_json_has_segments_and_words(self, transcribe):
        found, headers = transcribe("verbose_json", timestamp_granularities=["word", "segment"])

        assert (found.text, found.duration, found.language) == (" ".join(LINES), SECONDS, "english")
        assert [(each.start, each.text) for each in found.segments] == [
            (2.0 * number, text) for number, text in enumerate(LINES)
        ]
        assert [each.word for each in found.words] == LINES
        assert "X-Warning" not in headers

    def test_diarized_json_has_speakers(self, transcribe):
        found, headers = transcribe("diarized_json", chunking_strategy="auto")

        assert [(each.start, each.speaker, each.text) for each in found.segments] == [
            (start, speaker, text) for (start, speaker), text in zip(EXPECTED_TURNS, LINES, strict=True)
        ]
        assert "X-Warning" not in headers

    def test_diarized_json_has_the_names_of_the_references(self, transcribe):
        found, headers = transcribe(
            "diarized_json",
            known_speaker_names=["caller", "agent"],
            known_speaker_references=[data_url(wav(3.0, pitch=PITCHES[person])) for person in ("bo", "ada")],
        )

        assert [each.speaker for each in found.segments] == ["agent", "caller"] * 3
        assert "X-Warning" not in headers

    def test_a_reference_that_is_no_audio_is_refused(self, transcribe):
        with pytest.raises(openai.UnprocessableEntityError, match="the reference of agent"):
            transcribe(
                "diarized_json", known_speaker_names=["agent"], known_speaker_references=[data_url(b"no audio at all")]
            )

    def test_the_models_are_listed(self, client):
        assert [model.id for model in client.models.list()] == ["tiny.en", "small"]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"model": "nope"}, "no transcription model 'nope'"),
            ({"language": "klingon"}, "klingon"),
            ({"stream": True}, "does not stream"),
            ({"file": ("notes.wav", b"no audio")}, "notes.wav"),
            ({"file": ("empty.wav", b"")}, "empty.wav is empty"),
        ],
    )
    def test_what_it_cannot_process_is_refused(self, client, audio, fields, message):
        sent = {"model": "whisper-1", "file": ("audio.wav", audio.read_bytes()), **fields}
        with pytest.raises(openai.UnprocessableEntityError, match=message):
            client.audio.transcriptions.create(**sent)

    def test_a_wrong_key_is_an_authentication_error(self, client):
        with pytest.raises(openai.AuthenticationError, match="the API key is not valid"):
            client.with_options(api_key="wrong").models.list()

    def test_an_unknown_path_is_not_found(self, client):
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nope")
