"""Requests that schemathesis makes of the OpenAPI document, sent to a service in this process."""

import io
import wave
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, reject, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi import checks
from starlette.testclient import httpx
from support.services import ADDRESS, LIMITS, running_service, wait_for, wav

from diarize_runner.diarization.audio import DecodedRecording
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import UnreadableAudio
from diarize_runner.service import intake
from diarize_runner.service.keys import add_key
from diarize_runner.service.web.app import described_app

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
FILES = ("file", "audio", "audio_file")
RECORDINGS = (None, wav(1.0), wav(5.0), wav(1.0, level=0), b"", b"RIFF")
"""None: what schemathesis generates."""
JOBS = (None, 0, 1, 5)
"""Which of the newest jobs to ask for; None: what schemathesis generates."""
KEYS = ("valid",) * 7 + ("wrong",)
REQUEST_PARTS = ("method", "url", "headers", "files", "data", "params", "json", "cookies")


def operations():
    """Return the operations of the document, without the response that allows any status."""
    load_all_checks()
    document = described_app().openapi()
    for path in document["paths"].values():
        for operation in path.values():
            del operation["responses"]["default"]
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


@contextmanager
def fuzzed_service(folder):
    """Yield a client whose service decodes WAV files in this process, which is faster than in a confined child."""
    key = add_key(folder / "keys.json", "fuzzer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake.audio, "decode_opened", decode_wav)
        with running_service(folder / "service", key_file=folder / "keys.json", limits=LIMITS) as client:
            client.key = key
            yield client


def decode_wav(source, name, _selection=None, **_options):
    data = source.read()
    try:
        with wave.open(io.BytesIO(data)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except (wave.Error, EOFError) as reason:
        raise UnreadableAudio(f"cannot decode {name}: {reason}", hint="send a recording") from reason
    waveform = (samples / 32768).astype(np.float32)
    return DecodedRecording(uri="recording", waveform=waveform, digest=hash_bytes(data).digest)


def fuzz(client, operation, cases):
    """Send so many cases of an operation, half of them invalid; return how many got each status."""
    statuses = Counter()
    if "_id}" in operation.path:
        finish_jobs(client)
    for mode, count in halves(operation, cases):

        @settings(
            max_examples=count,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=operation.as_strategy(generation_mode=mode),
            recording=st.sampled_from(RECORDINGS),
            job=st.sampled_from(JOBS),
            key=st.sampled_from(KEYS),
        )
        def send(case, recording, job, key):
            fill_in(client, case, recording, job)
            response = answer(client, case, client.key if key == "valid" else "wrong")
            statuses[response.status_code] += 1
            case.validate_response(response, checks=CHECKS)

        send()
    return statuses


def halves(operation, cases):
    """Return how many valid and invalid cases to send; nothing is invalid for an operation without parameters."""
    if not operation.body and not list(operation.iter_parameters()):
        return [(GenerationMode.POSITIVE, cases)]
    return [(GenerationMode.POSITIVE, cases - cases // 2), (GenerationMode.NEGATIVE, cases // 2)]


def finish_jobs(client):
    """Leave two succeeded jobs as the newest ones: one with a transcript, one without."""
    headers = {"X-API-Key": client.key}
    for task in ("run", "diarize"):
        sent = client.post("/v1/jobs", headers=headers, files={"file": ("a.wav", wav(5.0))}, data={"task": task})
        assert wait_for(client, sent.json()["id"], headers=headers)["state"] == "succeeded"


def fill_in(client, case, recording, job):
    """Replace what schemathesis cannot know: recordings, and the ids of jobs."""
    if recording is not None and isinstance(case.body, dict):
        case.body.update({name: recording for name in FILES if name in case.body})
        if "files" in case.body:
            case.body["files"] = [recording, recording]
    ids = [name for name in case.path_parameters if name.endswith("_id")]
    if ids and job is not None:
        found = client.get("/v1/jobs", headers={"X-API-Key": client.key}).json()["jobs"]
        assume(len(found) > job)
        case.path_parameters[ids[0]] = found[job]["id"]


def answer(client, case, key):
    """Send a case as `requests` would; return the response."""
    arguments = case.as_transport_kwargs(base_url=ADDRESS)
    try:
        request = requests.Request(**{name: arguments[name] for name in REQUEST_PARTS if name in arguments}).prepare()
        request.headers["Authorization"] = f"Bearer {key}"
        return client.request(request.method, request.url, content=request.body, headers=dict(request.headers))
    except (requests.exceptions.RequestException, httpx.InvalidURL, UnicodeError):
        reject()  # no client can send it
