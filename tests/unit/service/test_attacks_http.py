"""Requests that are made to exhaust the service, or to lead its clients elsewhere."""

import pytest

pytest.importorskip("fastapi")

from support.endpoints import decode_wav, problem, shared_service
from support.services import wav


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


def recordings(count):
    return [("files", (f"{number}.wav", wav(0.1))) for number in range(count)]


@pytest.mark.parametrize("charset", ["punycode", "PUNYCODE", '"punycode"', "idna", "utf-16"])
def test_a_form_is_decoded_with_no_codec_that_a_client_chooses(client, charset):
    """Python decodes a field of a megabyte as punycode for minutes, in the thread of all requests."""
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    response = client.post("/v1/jobs", content=b"--x--\r\n", headers=headers)
    assert response.status_code == 400
    problem(response, slug="bad-request")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "ISO-8859-1"])
def test_a_form_may_have_the_charset_that_clients_send(client, charset):
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n%b\r\n--x--\r\n'
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    assert client.post("/v1/jobs", content=part % wav(0.1), headers=headers).status_code == 202


@pytest.mark.parametrize("fields", [{"note": "a" * 70_000}, {f"note{number}": "a" for number in range(101)}])
def test_a_form_with_large_or_many_fields_is_refused_because_they_are_kept_in_memory(client, fields):
    response = client.post("/v1/jobs", files={"file": ("a.wav", wav(0.1))}, data=fields)
    assert response.status_code == 400
    problem(response, slug="bad-request")


def test_a_form_with_more_files_than_a_batch_has_is_refused_because_small_ones_are_kept_in_memory(client):
    response = client.post("/batch-diarize", files=recordings(102))
    assert response.status_code == 400
    problem(response, slug="bad-request")


def test_a_batch_of_one_file_too_many_is_told_so(client):
    response = client.post("/batch-diarize", files=recordings(101))
    assert response.status_code == 422
    assert problem(response, slug="invalid-request")["detail"] == "101 files are too many for one request"


def test_no_redirect_leads_to_a_host_that_the_client_names(client):
    response = client.get("/v1/jobs/", follow_redirects=False)
    assert response.status_code == 404
    problem(response, slug="not-found")


def test_an_invented_method_adds_no_metric(client):
    for method in ("GET", "INVENTED", "TRACE"):
        client.request(method, "/v1/jobs")
    text = client.get("/metrics").text
    assert 'endpoint="GET /v1/jobs"' in text
    assert 'endpoint="other /v1/jobs"' in text
    assert "INVENTED" not in text
    assert "TRACE" not in text
