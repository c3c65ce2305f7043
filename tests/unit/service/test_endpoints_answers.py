"""What each endpoint answers to a recording."""

import json

import pytest

pytest.importorskip("fastapi")

from support.endpoints import Endpoint, decode_wav, files_of, problem, shared_service
from support.services import CATALOG, wait_for, wav

from diarize_runner.service.catalog import Catalog
from diarize_runner.service.work import Work

SRT = b"1\n00:00:00,100 --> 00:00:01,500\nHello there.\n\n2\n00:00:02,200 --> 00:00:03,000\nGood morning to you.\n"
TURNS = [
    {"start": 0.0, "end": 2.0, "speaker": "SPEAKER_00"},
    {"start": 2.0, "end": 4.0, "speaker": "SPEAKER_01"},
]
SHORT = "the recording lasts 4.0 s: below 10 s, speakers are often missed"
LOCALAI = Endpoint(path="/v1/audio/diarization")
OPENAI = Endpoint(path="/v1/audio/transcriptions")
JOBS = Endpoint(path="/diarize", part="audio_file")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


@pytest.fixture(scope="module")
def deaf(tmp_path_factory):
    """Return a client of a server without a transcription model."""
    with shared_service(tmp_path_factory, decode=decode_wav, catalog=Catalog(multilingual={}, default=None)) as client:
        yield client


def completed(client, job_id):
    wait_for(client, job_id)
    return client.get(f"/status/{job_id}").json()


def test_v1_diarize_answers_with_the_turns(client):
    answer = client.post("/v1/diarize", files={"file": ("a.wav", wav())}).json()
    assert answer == {"segments": TURNS, "num_speakers": 2, "warnings": [SHORT]}
    assert files_of(client) == []


def test_v1_vad_answers_with_the_speech(client):
    answer = client.post("/v1/vad", files={"file": ("a.wav", wav())}).json()
    assert answer == {"speech_segments": [{"start": 0.0, "end": 2.0}, {"start": 2.0, "end": 4.0}], "warnings": []}


def test_health_tells_of_the_model_and_the_device(client):
    client.post("/v1/vad", files={"file": ("a.wav", wav(1))})
    assert client.get("/health").json() == {"status": "healthy", "model_loaded": True, "device": "cpu"}


def test_a_job_of_the_job_api_goes_from_queued_to_completed(client):
    submitted = JOBS.send(client, files={"audio_file": ("call.wav", wav(6.0))}).json()
    assert submitted == {"job_id": submitted["job_id"], "status": "queued", "warnings": []}
    status = completed(client, submitted["job_id"])
    assert {key: status[key] for key in ("job_id", "status", "progress")} == {
        "job_id": submitted["job_id"],
        "status": "completed",
        "progress": 1.0,
    }
    result = status["result"]
    assert result["transcript"].splitlines() == [
        "Speaker_01 [0.00s - 1.00s]: Word 0.",
        "Speaker_02 [2.00s - 3.00s]: Word 1.",
        "Speaker_01 [4.00s - 5.00s]: Word 2.",
    ]
    assert result["segments"][0] == {"start": 0.0, "end": 1.0, "speaker": "Speaker_01", "text": "Word 0."}
    assert result["speakers"] == {
        "Speaker_01": {"total_duration": 4.0, "percentage": 66.7, "segment_count": 2, "word_count": 2},
        "Speaker_02": {"total_duration": 2.0, "percentage": 33.3, "segment_count": 1, "word_count": 1},
    }
    assert (result["total_speakers"], result["audio_duration"], result["processing_time"]) == (2, 6.0, 0.5)


def test_a_segment_without_a_speaker_stays_in_the_transcript(client):
    """The speakers fall silent after two seconds; the fake diarizes silence as nobody's."""
    late = b"1\n00:00:00,000 --> 00:00:01,000\nHello.\n\n2\n00:00:50,000 --> 00:00:51,000\nIs anyone there?\n"
    files = {"audio_file": ("a.wav", wav(4.0)), "transcript": ("t.srt", late)}
    result = completed(client, JOBS.send(client, files=files).json()["job_id"])["result"]
    assert result["transcript"].splitlines()[1] == "Unknown [50.00s - 51.00s]: Is anyone there?"
    assert sum(each["segment_count"] for each in result["speakers"].values()) == 1
    assert "Unknown" not in result["speakers"]
    assert sum(each["percentage"] for each in result["speakers"].values()) == pytest.approx(100, abs=0.1)


def test_without_a_transcript_each_turn_is_a_segment(deaf):
    result = completed(deaf, JOBS.send(deaf).json()["job_id"])["result"]
    assert result["transcript"] == "Speaker_01 [0.00s - 2.00s]:\nSpeaker_02 [2.00s - 4.00s]:"
    assert [segment["text"] for segment in result["segments"]] == ["", ""]


def test_talk_time_does_not_count_the_silence_between_turns(client):
    """The only segment lasts longer than the turn of its speaker."""
    long = b"1\n00:00:00,000 --> 00:00:03,900\nHello.\n"
    files = {"audio_file": ("a.wav", wav(2.0)), "transcript": ("t.srt", long)}
    result = completed(client, JOBS.send(client, files=files).json()["job_id"])["result"]
    assert result["segments"][0]["end"] == 3.9
    assert result["speakers"]["Speaker_01"]["total_duration"] == 2.0


def test_a_failed_job_says_why(client):
    status = completed(client, JOBS.send(client, name="fail.wav").json()["job_id"])
    assert (status["status"], status["error"], status["hint"]) == ("failed", "the pipeline failed on it", "try another")
    assert status["result"] is None


def test_a_batch_takes_the_recordings_that_can_be_decoded(client):
    files = [("files", ("a.wav", wav(1))), ("files", ("notes.wav", b"no audio")), ("files", ("b.wav", wav(1)))]
    first, refused, second = client.post("/batch-diarize", files=files).json()["jobs"]
    assert (first["status"], second["status"]) == ("queued", "queued")
    assert refused["file"] == "notes.wav"
    assert refused["status"] == "refused"
    assert completed(client, second["job_id"])["status"] == "completed"


def test_diarize_file_measures_its_speed(client):
    answer = client.post("/api/v1/diarize/file", files={"audio": ("a.wav", wav())}).json()
    turns = [{"speaker": "SPEAKER_00", "start": 0.0, "end": 2.0}, {"speaker": "SPEAKER_01", "start": 2.0, "end": 4.0}]
    assert answer == {"segments": turns, "num_speakers": 2, "performance": 8.0, "warnings": [SHORT]}


def test_an_item_of_the_queue_has_its_result_once_it_has_succeeded(client):
    added = client.post("/api/v1/queue", files={"audio": ("a.wav", wav())}, data={"operation": "diarize"})
    assert added.status_code == 202
    item = added.json()
    assert (item["operation"], item["status"], item["progress"], item["result"]) == ("diarize", "queued", 0.0, None)
    wait_for(client, item["id"])
    found = client.get(f"/api/v1/queue/{item['id']}").json()
    assert (found["operation"], found["status"], found["progress"]) == ("diarize", "succeeded", 1.0)
    assert (found["result"]["num_speakers"], found["result"]["performance"]) == (2, 8.0)


@pytest.mark.parametrize(("path", "field"), [("/diarize", "audio_file"), ("/api/v1/queue", "audio")])
def test_hints_of_the_form_reach_the_job(client, path, field):
    form = {"operation": "diarize", "min_speakers": "2", "max_speakers": "3"}
    answer = client.post(path, files={field: ("a.wav", wav(1))}, data=form).json()
    hints = Work.decode(client.service.queue.find(answer.get("id") or answer["job_id"]).work).hints
    assert (hints.exactly, hints.at_least, hints.at_most) == (None, 2, 3)


def test_hints_of_the_form_reach_the_job_of_a_synchronous_request(client, monkeypatch):
    works = []
    accept = client.service.intake.accept
    monkeypatch.setattr(
        client.service.intake,
        "accept",
        lambda submission, *rest: works.append(submission.work) or accept(submission, *rest),
    )
    for path, field in (("/api/v1/diarize/file", "audio"), ("/v1/diarize", "file"), ("/v1/audio/diarization", "file")):
        client.post(path, files={field: ("a.wav", wav(1))}, data={"num_speakers": "2"})
    assert [work.hints.exactly for work in works] == [2, 2, 2]


def test_localai_json_has_segments(client):
    answer = LOCALAI.send(client).json()
    assert answer == {
        "task": "diarize",
        "duration": 4.0,
        "num_speakers": 2,
        "segments": [
            {"id": 0, "speaker": "SPEAKER_00", "label": "SPEAKER_00", "start": 0.0, "end": 2.0},
            {"id": 1, "speaker": "SPEAKER_01", "label": "SPEAKER_01", "start": 2.0, "end": 4.0},
        ],
        "warnings": [SHORT],
    }


def test_localai_verbose_json_has_speakers_and_text(client):
    answer = LOCALAI.send(client, response_format="verbose_json", include_text="true").json()
    assert answer["language"] == "en"
    assert answer["segments"][1] == {
        "id": 1, "speaker": "SPEAKER_01", "label": "SPEAKER_01", "start": 2.0, "end": 3.0, "text": "Word 1.",
    }  # fmt: skip
    assert answer["speakers"] == [
        {"id": label, "label": label, "total_speech_duration": 2.0, "segment_count": 1}
        for label in ("SPEAKER_00", "SPEAKER_01")
    ]


def test_localai_rttm_is_text(client):
    answer = LOCALAI.send(client, name="my call.wav", response_format="rttm")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["X-Warning"] == SHORT
    lines = [line.split(" ") for line in answer.text.splitlines()]
    assert [(line[0], line[1], line[3], line[4], line[7]) for line in lines] == [
        ("SPEAKER", "my_call", "0.000", "2.000", "SPEAKER_00"),
        ("SPEAKER", "my_call", "2.000", "2.000", "SPEAKER_01"),
    ]


def test_openai_json_has_the_text(client):
    assert OPENAI.send(client).json() == {"text": "Word 0. Word 1."}


@pytest.mark.parametrize(
    ("kind", "media_type", "start"),
    [
        ("text", "text/plain", "[00:00:00] SPEAKER_00: Word 0.\n"),
        ("srt", "text/plain", "1\n00:00:00,000 --> 00:00:01,000\n"),
        ("vtt", "text/plain", "WEBVTT\n"),
    ],
)
def test_openai_text_formats_have_speakers(client, kind, media_type, start):
    answer = OPENAI.send(client, response_format=kind)
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.text.startswith(start)
    assert "SPEAKER_01" in answer.text


def test_openai_verbose_json_has_segments(client):
    answer = OPENAI.send(client, response_format="verbose_json").json()
    assert (answer["task"], answer["duration"], answer["text"]) == ("transcribe", 4.0, "Word 0. Word 1.")
    assert [segment["text"] for segment in answer["segments"]] == ["Word 0.", "Word 1."]


def test_openai_diarized_json_has_speakers(client):
    answer = OPENAI.send(client, response_format="diarized_json").json()
    assert answer["text"] == "Word 0. Word 1."
    assert len({segment["speaker"] for segment in answer["segments"]}) == 2


def test_openai_names_of_models_mean_the_default(client):
    assert OPENAI.send(client, wav(1), model="whisper-1").json() == {"text": "Word 0."}


@pytest.mark.parametrize(
    ("form", "detail"),
    [
        ({"model": "large-v9"}, "this server has no transcription model 'large-v9'"),
        ({"language": "de"}, "tiny.en knows only English"),
        ({"language": "klingon"}, None),
        ({"stream": "true"}, "this server does not stream transcripts"),
    ],
)
def test_openai_refuses_what_it_cannot_do_before_any_work(client, form, detail):
    refused = OPENAI.send(client, **form)
    assert refused.status_code == 422
    assert problem(refused)["detail"] == (detail or problem(refused)["detail"])


def test_a_server_without_transcription_model_labels_the_transcript_that_comes_along(deaf):
    files = {"file": ("a.wav", wav()), "transcript": ("t.srt", SRT)}
    assert OPENAI.send(deaf, files=files).json() == {"text": "Hello there. Good morning to you."}
    text = OPENAI.send(deaf, files=files, response_format="text").text
    assert text.count("SPEAKER_0") == 2


def test_a_server_without_transcription_model_refuses_to_transcribe(deaf):
    refused = OPENAI.send(deaf)
    assert refused.status_code == 422
    assert problem(refused)["detail"] == "the cache of this server holds no transcription model"


@pytest.mark.parametrize("endpoint", [LOCALAI, OPENAI], ids=lambda each: each.path)
def test_an_unknown_format_is_refused_before_any_work(client, endpoint, monkeypatch):
    monkeypatch.setattr(client.service.intake, "accept", lambda *_: pytest.fail("it worked"))
    refused = endpoint.send(client, response_format="docx")
    assert refused.status_code == 422
    assert "response_format" in problem(refused)["detail"]


def test_the_models_are_those_of_the_cache(client):
    answer = client.get("/v1/models").json()
    assert answer["object"] == "list"
    assert [model["id"] for model in answer["data"]] == list(CATALOG.multilingual)
    assert {model["object"] for model in answer["data"]} == {"model"}


def test_the_openapi_document_names_each_field_of_a_form(client):
    schemas = json.dumps(client.get("/openapi.json").json())
    for field in ("audio_file", "num_speakers", "response_format", "include_text", "operation"):
        assert f'"{field}"' in schemas
