"""Requests that no endpoint can use, and recordings that are strange but usable; with the real decoder."""

from dataclasses import replace

import pytest

pytest.importorskip("fastapi")

from support.endpoints import UPLOADS, clear, decode_wav, each_upload, files_of, problem, shared_service
from support.services import LIMITS, wait_for, wav
from support.sounds import write_encoded, write_silence

from diarize_runner.diarization import audio

HINTED = [endpoint for endpoint in UPLOADS if endpoint.has_hints]
STRICT = [endpoint for endpoint in UPLOADS if endpoint.is_strict]
BOUNDARY = "multipart/form-data; boundary=x"
MOST_BYTES = 8 << 20


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with shared_service(tmp_path_factory, limits=replace(LIMITS, max_upload_bytes=MOST_BYTES)) as client:
        yield client


@pytest.fixture
def client(service):
    """Return the client of the service, which has no job; the test must leave no file of a request."""
    yield service
    clear(service)
    assert files_of(service) == []


@pytest.fixture
def quick(monkeypatch):
    """Decode without the decoder's process, where the recording is not what is tested."""
    monkeypatch.setattr(audio, "decode_opened", decode_wav)


@pytest.fixture(scope="module")
def truncated(tmp_path_factory):
    """Return two seconds of FLAC, of which the second half is missing."""
    path = tmp_path_factory.mktemp("sounds") / "a.flac"
    write_encoded(path, "flac", "mono", 16_000)
    whole = path.read_bytes()
    return whole[: len(whole) // 2]


def refused(client, response):
    """Return the problem of a request that left nothing behind."""
    assert 400 <= response.status_code < 500, response.text
    assert files_of(client) == []
    assert sum(client.service.queue.counts().values()) == 0
    return problem(response)


@each_upload
def test_an_empty_body_is_refused(client, endpoint):
    refused(client, client.post(endpoint.path))
    refused(client, client.post(endpoint.path, headers={"content-type": BOUNDARY}))


@each_upload
def test_a_body_that_is_not_multipart_is_refused(client, endpoint):
    for media_type in ("audio/wav", "application/json", "text/plain", "application/x-www-form-urlencoded"):
        refused(client, client.post(endpoint.path, content=wav(0.1), headers={"content-type": media_type}))


@each_upload
@pytest.mark.parametrize(
    "body",
    [
        b"no part at all",
        b"--x\r\n",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF',
        b"--x\r\nno header\r\n\r\n\r\n--x--\r\n",
    ],
)
def test_a_damaged_form_is_refused(client, endpoint, body):
    refused(client, client.post(endpoint.path, content=body, headers={"content-type": BOUNDARY}))


@each_upload
def test_a_form_without_a_file_is_refused(client, endpoint):
    assert endpoint.part in refused(client, client.post(endpoint.path, data={"num_speakers": "2"}))["detail"]
    refused(client, client.post(endpoint.path, data={endpoint.part: "a.wav"}))
    refused(client, endpoint.send(client, files={"another": ("a.wav", wav(0.1))}))


@each_upload
def test_an_empty_file_is_refused(client, endpoint):
    document = refused(client, endpoint.send(client, b""))
    assert document["detail"] == "a.wav is empty"


@each_upload
def test_a_text_named_wav_is_refused(client, endpoint):
    document = refused(client, endpoint.send(client, b"Hello, this is no recording.\n" * 100, "../../etc/call.wav"))
    assert "call.wav" in document["detail"]
    assert "etc" not in document["detail"]


@pytest.mark.parametrize("endpoint", HINTED, ids=lambda each: each.path)
@pytest.mark.parametrize(
    "hints",
    [
        {"min_speakers": "3", "max_speakers": "2"},
        {"num_speakers": "2", "max_speakers": "3"},
        {"num_speakers": "0"},
        {"min_speakers": "-1"},
        {"max_speakers": "200"},
        {"num_speakers": "two"},
        {"num_speakers": "2.5"},
    ],
    ids=str,
)
def test_impossible_hints_are_refused(client, endpoint, hints):
    document = refused(client, endpoint.send(client, **hints))
    assert any(name in document["detail"] for name in hints)


def test_hints_of_an_endpoint_without_speakers_are_ignored(client, quick):
    answer = client.post("/v1/vad", files={"file": ("a.wav", wav(1))}, data={"num_speakers": "two"}).json()
    assert answer["warnings"] == ["the field 'num_speakers' is ignored"]


@each_upload
def test_a_recording_that_is_too_long_is_refused_while_it_is_decoded(client, endpoint, monkeypatch):
    monkeypatch.setattr(client.service.intake, "_limits", replace(LIMITS, max_audio_seconds=1.0))
    document = refused(client, endpoint.send(client, wav(2), "long.wav"))
    assert document["detail"].startswith("long.wav is longer than ")


@each_upload
def test_a_body_that_is_too_large_is_refused(client, endpoint):
    response = endpoint.send(client, b"x" * (MOST_BYTES + 1))
    assert response.status_code == 413
    refused(client, response)


@each_upload
def test_a_body_that_turns_out_too_large_is_refused(client, endpoint):
    """Its length is not known before."""
    parts = [b"--x\r\nContent-Disposition: form-data; name=", f'"{endpoint.part}"; filename="a.wav"\r\n\r\n'.encode()]
    response = client.post(
        endpoint.path, content=iter([*parts, *[b"x" * (1 << 20)] * 9]), headers={"content-type": BOUNDARY}
    )
    assert response.status_code == 413
    refused(client, response)


@each_upload
def test_unknown_fields_are_ignored_with_a_warning(client, quick, endpoint):
    response = endpoint.send(client, wav(1), temperature="0.5", **{"no such\nfield\N{SNOWMAN}": "x"})
    assert response.status_code < 300, response.text
    warnings = response.headers.get("X-Warning", "") + str(response.json().get("warnings", ""))
    assert "the field 'temperature' is ignored" in warnings
    assert "no such" in warnings
    assert "\n" not in warnings


@pytest.mark.parametrize(
    ("path", "part", "key", "nothing"),
    [
        ("/v1/diarize", "file", "segments", []),
        ("/v1/vad", "file", "speech_segments", []),
        ("/api/v1/diarize/file", "audio", "segments", []),
        ("/v1/audio/diarization", "file", "segments", []),
        ("/v1/audio/transcriptions", "file", "text", ""),
    ],
)
def test_silence_has_no_segments(client, quick, path, part, key, nothing):
    response = client.post(path, files={part: ("silence.wav", wav(2, level=0))})
    assert response.status_code == 200, response.text
    assert response.json()[key] == nothing


def test_silence_of_ten_minutes_has_no_segments(client, tmp_path):
    write_silence(tmp_path / "silence.aac", 600)
    answer = client.post("/v1/diarize", files={"file": ("s.aac", (tmp_path / "silence.aac").read_bytes())})
    assert (answer.status_code, answer.json()["segments"]) == (200, [])


def test_a_truncated_recording_is_processed_with_a_warning(client, truncated):
    answer = client.post("/v1/diarize", files={"file": ("a.flac", truncated)}).json()
    assert len(answer["segments"]) == 1
    warning = "the recording is damaged at 0.43 s: it holds 0.4 s of the 2.0 s that its header states"
    assert warning in answer["warnings"]
    files = {"file": ("a.flac", truncated)}
    text = client.post("/v1/audio/transcriptions", files=files, data={"response_format": "srt"})
    assert text.status_code == 200
    assert text.headers["X-Warning"]


@pytest.mark.parametrize("endpoint", STRICT, ids=lambda each: each.path)
def test_a_truncated_recording_is_refused_if_the_request_is_strict(client, endpoint, truncated):
    document = refused(client, endpoint.send(client, truncated, "a.flac", strict="true"))
    assert document["detail"].startswith("a.flac is refused: ")


def test_a_submitted_recording_that_is_truncated_has_a_warning(client, truncated):
    for endpoint in UPLOADS[5:]:
        document = endpoint.send(client, truncated, "a.flac").json()
        assert document.get("warnings") or document["jobs"][0]["warnings"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\call.wav", "call.wav"),
        ("x" * 296 + ".wav", "x" * 96 + ".wav"),
        ("Gespräch \N{SNOWMAN}.wav", "Gespräch \N{SNOWMAN}.wav"),
        ("two words\N{NO-BREAK SPACE}here.wav", "two wordshere.wav"),
        ("..", ".."),
        (".wav", ".wav"),
    ],
)
def test_a_name_is_never_a_path_and_breaks_no_format(client, quick, name, shown):
    job = client.post("/v1/jobs", files={"file": (name, wav())}).json()
    assert job["name"] == shown
    assert wait_for(client, job["id"])["state"] == "succeeded"
    result = client.get(f"/v1/jobs/{job['id']}/result?format=rttm")
    assert result.status_code == 200
    assert {len(line.split()) for line in result.text.splitlines()} == {10}
    assert "/" not in result.headers["content-disposition"].replace("filename*=utf-8''", "")


@pytest.mark.parametrize("raw", [b"a\tb\x7fc\x1b.wav", b"\x90\x00a\xadb\x9fc.wav"])
def test_control_characters_of_a_name_are_dropped(client, quick, raw):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + raw + b'"\r\n\r\n'
    response = client.post("/v1/jobs", content=head + wav(1) + b"\r\n--x--\r\n", headers={"content-type": BOUNDARY})
    assert response.status_code == 202, response.text
    assert response.json()["name"] == "abc.wav"


def test_a_transcript_that_cannot_be_read_is_refused(client, quick):
    files = {"file": ("a.wav", wav(1)), "transcript": ("t.json", b'{"segments": 5}')}
    assert refused(client, client.post("/v1/jobs", files=files))["type"].endswith(":unreadable-transcript")


def test_an_empty_transcript_counts_as_none(client, quick):
    files = {"file": ("a.wav", wav(1)), "transcript": ("t.srt", b"")}
    assert client.post("/v1/jobs", files=files).status_code == 202


@pytest.mark.parametrize("field", ["channel", "stream"])
def test_a_channel_or_stream_that_is_missing_is_refused(client, field):
    refused(client, client.post("/v1/jobs", files={"file": ("a.wav", wav(1))}, data={field: "7"}))


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"task": "dance"}, "task"),
        ({"task": "run", "model": "large-v9"}, "large-v9"),
        ({"task": "run", "model": "tiny.en", "language": "de"}, "tiny.en"),
        ({"language": "x" * 41}, "language"),
        ({"strict": "perhaps"}, "strict"),
    ],
)
def test_impossible_options_of_a_job_are_refused(client, form, named):
    response = client.post("/v1/jobs", files={"file": ("a.wav", wav(1))}, data=form)
    assert named in refused(client, response)["detail"]
