"""Prometheus scrapes a server as the example says: each query of the dashboard returns data, and no alert fires."""

import pytest

pytest.importorskip("fastapi")

import httpx
import yaml
from support.prometheus import (
    ALERTS,
    CONFIGURATION,
    alert_rules,
    dashboard_queries,
    query,
    query_until,
    require_promtool,
    running_prometheus,
)
from support.service_process import service_process
from support.services import wait_for, wav

from diarize_runner.service.keys import add_key

pytestmark = pytest.mark.long
INTERVAL = "250ms"


def configure(folder, url, key):
    """Write the example for one server on this machine, with its alerts; return its path."""
    document = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    document["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
    (job,) = document["scrape_configs"]
    job.update(scheme="http", scrape_timeout=INTERVAL, static_configs=[{"targets": [url.removeprefix("http://")]}])
    job["authorization"]["credentials_file"] = str(folder / "key")
    (folder / "key").write_text(f"{key}\n")
    (folder / "alerts.yaml").write_bytes(ALERTS.read_bytes())
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(scope="module")
def scraping(tmp_path_factory):
    """Return a client of Prometheus, which scrapes a server that has done a job meanwhile."""
    require_promtool()
    folder = tmp_path_factory.mktemp("prometheus")
    key = add_key(folder / "keys.json", "prometheus")
    headers = {"X-API-Key": key}
    with (
        service_process(folder / "service", "--keys", str(folder / "keys.json")) as server,
        running_prometheus(configure(folder, server.url, key), folder) as prometheus,
        httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as client,
    ):
        query_until(prometheus, "count_over_time(diarize_runner_ready[1m]) >= 2")
        job = client.post("/v1/jobs", files={"file": ("a.wav", wav(1))}).json()
        assert wait_for(client, job["id"])["state"] == "succeeded"
        yield prometheus


@pytest.mark.parametrize("name", dashboard_queries())
def test_a_query_of_the_dashboard_returns_data(scraping, name):
    assert query_until(scraping, f"({dashboard_queries()[name]}) >= 0")  # not NaN, as before the first job


def test_the_values_are_those_of_the_server(scraping):
    query_until(scraping, 'diarize_runner_jobs_ended_total{state="succeeded"} == 1')
    (box,) = query(scraping, "diarize_runner_ready")
    assert box["metric"]["job"] == "diarize-runner"
    assert box["value"][1] == "1"
    (rtf,) = query_until(scraping, dashboard_queries()["RTF, A"])
    assert float(rtf["value"][1]) == pytest.approx(0.5)


def test_the_alerts_are_evaluated_and_none_fires(scraping):
    (group,) = scraping.get("/rules").json()["data"]["groups"]
    rules = {rule["name"]: rule for rule in group["rules"]}
    assert rules.keys() == alert_rules().keys()
    assert {rule.get("lastError", "") for rule in rules.values()} == {""}
    assert {rule["state"] for rule in rules.values()} == {"inactive"}
