"""promtool, which checks rules and metrics, and Prometheus: scripts/install-test-packages.sh installs both."""

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import pytest
import yaml

MONITORING = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
DASHBOARD, ALERTS, CONFIGURATION = (MONITORING / name for name in ("dashboard.json", "alerts.yaml", "prometheus.yaml"))
_VARIABLES = {"$job": ".+", "$instance": ".+", "$__rate_interval": "2m", "$__range": "6h"}
"""Grafana's, and what the tests put in their place."""


def require_promtool():
    """Skip the test where promtool or prometheus is missing; fail it if DIARIZE_RUNNER_REQUIRE_PROMTOOL is 1."""
    if shutil.which("promtool") and shutil.which("prometheus"):
        return
    reason = "promtool or prometheus is not installed: run scripts/install-test-packages.sh"
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_PROMTOOL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def promtool(*arguments, **options):
    """Run promtool; assert that it succeeds, and return what it printed."""
    require_promtool()
    done = subprocess.run(
        ["promtool", *map(str, arguments)], check=False, capture_output=True, text=True, timeout=60, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@cache
def alert_rules():
    """Return the rules, by the names of their alerts."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


@cache
def dashboard():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def dashboard_queries():
    """Return each query of the dashboard, by its panel's title and its letter, with values for the variables."""
    return {
        f"{panel['title']}, {target['refId']}": _with_values(target["expr"])
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    }


def _with_values(query):
    for name, value in _VARIABLES.items():
        query = query.replace(name, value)
    assert "$" not in query, query
    return query


@contextmanager
def running_prometheus(configuration, folder):
    """Run Prometheus with a file of configuration; yield a client of it."""
    require_promtool()
    port = _free_port()
    command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=30) as client:
                yield client
        finally:
            process.terminate()


def query(client, expression):
    """Return the values that a query has now; empty while Prometheus is not ready."""
    try:
        answer = client.get("/query", params={"query": expression})
    except httpx.TransportError:
        return []
    return answer.json()["data"]["result"] if answer.status_code == 200 else []


def query_until(client, expression, seconds=30):
    """Return the values of a query once there are some."""
    deadline = time.monotonic() + seconds
    while not (found := query(client, expression)):
        assert time.monotonic() < deadline, f"no data: {expression}"
        time.sleep(0.05)
    return found


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
