"""What Prometheus reads of a server: names, values, and that the dashboard, the alerts and the document know them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")

from prometheus_client.parser import text_string_to_metric_families
from support.endpoints import clear, decode_wav, shared_service
from support.prometheus import alert_rules, dashboard_queries, promtool
from support.services import LIMITS, wait_for, wav

from diarize_runner.errors import QueueError
from diarize_runner.service.web import gauges
from diarize_runner.version import __version__

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "service-operations.md"
PREFIX = "diarize_runner_"
NAME = re.compile(r"\b(?:diarize_runner|process)_[a-z_]+")
SUFFIXES = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


@pytest.fixture
def client(service):
    """Return the client of the service, which has no job."""
    clear(service)
    return service


def submit(client, name):
    return client.post("/v1/jobs", files={"file": (name, wav(1))}).json()["id"]


def samples(client):
    """Return all samples of a scrape."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return [sample for family in families for sample in family.samples]


def value(client, name):
    (found,) = [sample.value for sample in samples(client) if sample.name == PREFIX + name]
    return found


def names_in(*texts):
    return {name for text in texts for name in NAME.findall(text)}


def base(name):
    """Return the name of a metric without the suffix of a series of a histogram."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


@pytest.fixture
def scraped(client):
    """Return the names of all samples, once a request was counted."""
    client.get("/version")
    return {sample.name for sample in samples(client) if not sample.name.endswith("_created")}


@pytest.fixture(scope="module")
def documented():
    """Return the names in the section Metrics of the document."""
    section = re.search(r"^## Metrics$(.*?)(?=^## |\Z)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return names_in(section[1])


def test_promtool_finds_no_fault_in_the_metrics(client):
    wait_for(client, submit(client, "a.wav"))
    assert promtool("check", "metrics", input=client.get("/metrics").text) == ""


@pytest.mark.parametrize("panel", dashboard_queries())
def test_the_metrics_of_a_panel_exist(scraped, panel):
    assert names_in(dashboard_queries()[panel]) <= scraped


@pytest.mark.parametrize("alert", alert_rules())
def test_the_metrics_of_an_alert_exist(scraped, alert):
    assert names_in(alert_rules()[alert]["expr"]) <= scraped


def test_the_document_lists_each_metric_of_ours_and_no_other(scraped, documented):
    ours = {base(name) for name in scraped if name.startswith(PREFIX)}
    assert {name for name in documented if name.startswith(PREFIX)} == ours
    assert documented <= {base(name) for name in scraped}


def test_the_limits_are_those_of_the_server(client):
    assert value(client, "queued_audio_limit_seconds") == LIMITS.max_queued_seconds
    assert value(client, "queued_jobs_limit") == LIMITS.max_queued_jobs
    assert value(client, "uploads_limit") == LIMITS.uploads
    assert value(client, "folder_reserved_bytes") == LIMITS.reserved_bytes


def test_the_free_space_is_that_of_the_folder(client, monkeypatch):
    asked = []

    def usage(path):
        asked.append(path)
        return SimpleNamespace(free=12345)

    monkeypatch.setattr(gauges.shutil, "disk_usage", usage)
    assert value(client, "folder_free_bytes") == 12345
    assert client.service.folder.path in asked


def test_the_release_is_a_label(client):
    (build,) = [sample for sample in samples(client) if sample.name == f"{PREFIX}build_info"]
    assert (build.labels["version"], build.value) == (__version__, 1)


def test_a_count_of_ended_jobs_starts_at_zero_so_that_the_first_one_is_an_increase(tmp_path_factory):
    with shared_service(tmp_path_factory) as client:
        found = {s.labels["state"]: s.value for s in samples(client) if s.name == f"{PREFIX}jobs_ended_total"}
    assert found == {"succeeded": 0, "failed": 0, "cancelled": 0}


def test_the_models_and_their_process_show_once_a_job_has_loaded_them(client):
    models = client.service.workers._models
    models.unload()
    assert value(client, "models_loaded") == 0
    assert value(client, "model_process_resident_memory_bytes") == 0
    assert value(client, "model_process_cpu_seconds_total") == 0
    wait_for(client, submit(client, "a.wav"))
    assert value(client, "models_loaded") == 1
    assert value(client, "model_process_resident_memory_bytes") > 1 << 20
    assert value(client, "model_process_cpu_seconds_total") > 0


def test_a_server_that_would_take_no_job_is_not_ready(client, monkeypatch):
    assert value(client, "ready") == 1
    monkeypatch.setattr(type(client.service.workers), "problem", "the models do not load")
    assert client.get("/readyz").status_code == 503
    assert value(client, "ready") == 0


class AwayQueue:
    """A queue that cannot be reached."""

    def counts(self):
        raise QueueError("the database is away", hint="start it")


def test_the_other_metrics_are_there_while_the_queue_cannot_be_read(client, monkeypatch):
    queues = [each for each in client.service.metrics.registry._collector_to_names if hasattr(each, "_queue")]
    monkeypatch.setattr(queues[0], "_queue", AwayQueue())
    names = {sample.name for sample in samples(client)}
    assert f"{PREFIX}ready" in names
    assert f"{PREFIX}jobs" not in names


def test_the_age_of_the_oldest_job_that_waits_grows_until_it_starts(client):
    assert value(client, "oldest_queued_job_age_seconds") == 0
    hanging = submit(client, "hang.wav")
    wait_for(client, hanging, "running")
    assert value(client, "oldest_queued_job_age_seconds") == 0
    submit(client, "a.wav")
    first = value(client, "oldest_queued_job_age_seconds")
    assert 0 < first < value(client, "oldest_queued_job_age_seconds")


def test_a_job_whose_attempts_all_crashed_is_counted_until_it_is_deleted(client):
    wait_for(client, submit(client, "fail.wav"))
    assert value(client, "crashed_jobs") == 0
    job = wait_for(client, submit(client, "crash.wav"))
    assert job["attempts"] == 3
    assert value(client, "crashed_jobs") == 1
    client.delete(f"/v1/jobs/{job['id']}")
    assert value(client, "crashed_jobs") == 0
