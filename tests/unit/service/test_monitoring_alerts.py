"""The alerts: each fires when it should, and stays silent before."""

import re

import pytest
import yaml
from support.prometheus import ALERTS, CONFIGURATION, MONITORING, alert_rules, promtool

BOX = {"job": "diarize-runner", "instance": "box1:443"}
QUEUE = {"job": "diarize-runner"}
HOUR = 3600


def series(name, values, **labels):
    """Return a series of box1, a value a minute, in promtool's notation: `1+2x60` is 1, 3, 5 ..., 61 values."""
    text = ", ".join(f'{key}="{value}"' for key, value in {**BOX, **labels}.items())
    return {"series": f"{name}{{{text}}}", "values": values}


def requests(status, values, endpoint="POST /v1/jobs"):
    return series("diarize_runner_request_seconds_count", values, endpoint=endpoint, status=status)


def jobs(state, values):
    return series("diarize_runner_jobs", values, state=state)


def ended(state, values):
    return series("diarize_runner_jobs_ended_total", values, state=state)


CRASHED, OLDEST = "diarize_runner_crashed_jobs", "diarize_runner_oldest_queued_job_age_seconds"
AUDIO, AUDIO_LIMIT = "diarize_runner_queued_audio_seconds", "diarize_runner_queued_audio_limit_seconds"
FREE, RESERVED = "diarize_runner_folder_free_bytes", "diarize_runner_folder_reserved_bytes"
READYZ = "GET /readyz"
A_DAY = series(AUDIO_LIMIT, f"{24 * HOUR}x240")
ONE_GIB = series(RESERVED, f"{1 << 30}x240")
FIRES = {
    "box down": ("Down", "3m", [series("up", "0x5")], BOX, "box1:443 does not answer Prometheus"),
    "no box": ("NotScraped", "6m", [], {}, "Prometheus scrapes no box of diarize-runner"),
    "not ready": ("NotReady", "3m", [series("diarize_runner_ready", "0x5")], BOX, "box1:443 takes no jobs"),
    "restarts": (
        "Restarts",
        "20m",
        [series("process_start_time_seconds", "100 200 300 400x20")],
        BOX,
        "box1:443 restarted 3 times in 30 minutes",
    ),
    "jobs fail": (
        "JobsFail",
        "60m",
        [ended("failed", "0+1x60"), ended("succeeded", "0+5x60")],
        QUEUE,
        "60 jobs failed within an hour, more than a tenth of those that ended",
    ),
    "a job crashed": ("JobCrashed", "1m", [series(CRASHED, "2x5")], QUEUE, "2 jobs failed after repeated crashes"),
    "much audio": (
        "QueueNearlyFull",
        "6m",
        [series(AUDIO, f"{20 * HOUR}x10"), A_DAY],
        QUEUE,
        "The queue of diarize-runner has more than 80 % of what it may have",
    ),
    "many jobs": (
        "QueueNearlyFull",
        "6m",
        [jobs("queued", "8000x10"), jobs("running", "1x10"), series("diarize_runner_queued_jobs_limit", "10000x10")],
        QUEUE,
        "The queue of diarize-runner has more than 80 % of what it may have",
    ),
    "a long wait": (
        "JobsWaitLong",
        "6m",
        [series(OLDEST, "5400x10")],
        QUEUE,
        "The oldest job of diarize-runner has waited for 1h 30m 0s",
    ),
    "no job ends": (
        "NoJobEnds",
        "121m",
        [jobs("queued", "3x130"), ended("succeeded", "7x130")],
        QUEUE,
        "3 jobs wait, but none has ended for two hours",
    ),
    "little space": (
        "DiskNearlyFull",
        "6m",
        [series(FREE, f"{4 << 30}x10"), ONE_GIB],
        BOX,
        "The disk of box1:443 has 4GiB left",
    ),
    "errors": (
        "ServerErrors",
        "20m",
        [requests("202", "0+9x20"), requests("500", "0+1x20")],
        BOX,
        "box1:443 answers more than 5 % of its requests with a server error",
    ),
}
UP = series("up", "1x240")
SILENT = {
    "a working box": ("Down", "3h", [UP]),
    "a short outage": ("Down", "5m", [series("up", "1 1 0 0 1x5")]),
    "a scraped box": ("NotScraped", "3h", [UP]),
    "ready": ("NotReady", "3h", [series("diarize_runner_ready", "1x240")]),
    "not ready for a minute": ("NotReady", "4m", [series("diarize_runner_ready", "1 0 0 1x5")]),
    "two restarts": ("Restarts", "20m", [series("process_start_time_seconds", "100 200 300x20")]),
    "few of many jobs fail": ("JobsFail", "60m", [ended("failed", "0+1x60"), ended("succeeded", "0+20x60")]),
    "one job fails": ("JobsFail", "60m", [ended("failed", "0x30 1x30"), ended("succeeded", "0x60")]),
    "no job crashed": ("JobCrashed", "10m", [series(CRASHED, "0x10")]),
    "some audio": ("QueueNearlyFull", "60m", [series(AUDIO, f"{18 * HOUR}x60"), A_DAY]),
    "ended jobs": (
        "QueueNearlyFull",
        "60m",
        [jobs("queued", "10x60"), jobs("succeeded", "9999x60"), series("diarize_runner_queued_jobs_limit", "10000x60")],
    ),
    "a short wait": ("JobsWaitLong", "60m", [series(OLDEST, "600x60")]),
    "idle": ("NoJobEnds", "3h", [jobs("queued", "0x240"), ended("succeeded", "7x240")]),
    "jobs end": ("NoJobEnds", "3h", [jobs("queued", "3x240"), ended("succeeded", "0+1x240")]),
    "jobs end now and then": (
        "NoJobEnds",
        "220m",
        [jobs("queued", "3x240"), ended("succeeded", "0x100 1x100 2x100")],
    ),
    "space": ("DiskNearlyFull", "60m", [series(FREE, f"{6 << 30}x60"), ONE_GIB]),
    "few errors": ("ServerErrors", "20m", [requests("202", "0+99x20"), requests("500", "0+1x20")]),
    "errors of clients": ("ServerErrors", "20m", [requests("202", "0+1x20"), requests("429", "0+9x20")]),
    "probes of a full box": (
        "ServerErrors",
        "20m",
        [requests("202", "0+1x20"), requests("503", "0+9x20", endpoint=READYZ)],
    ),
    "a box that is not ours": ("Down", "3h", [{"series": 'up{job="node"}', "values": "0x240"}]),
}


def run_cases(folder, cases):
    """Let promtool evaluate alerts over series, and compare; it names the cases that differ."""
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", folder / "test.yaml")


def case(name, alert, time, given, *expected):
    test = {"alertname": f"DiarizeRunner{alert}", "eval_time": time, "exp_alerts": list(expected)}
    return {"name": name, "interval": "1m", "input_series": given, "alert_rule_test": [test]}


def firing(alert, labels, summary):
    """Return the alert that Prometheus sends."""
    rule = alert_rules()[f"DiarizeRunner{alert}"]
    return {
        "exp_labels": {**labels, **rule["labels"]},
        "exp_annotations": {"summary": summary, "description": rule["annotations"]["description"]},
    }


def test_each_alert_fires_and_says_what_to_do(tmp_path):
    run_cases(
        tmp_path,
        [
            case(name, alert, time, given, firing(alert, labels, summary))
            for name, (alert, time, given, labels, summary) in FIRES.items()
        ],
    )


def test_each_alert_is_silent_while_nothing_is_wrong(tmp_path):
    run_cases(tmp_path, [case(name, *values) for name, values in SILENT.items()])


def test_each_alert_has_a_case_that_fires_and_one_that_is_silent():
    for cases in (FIRES, SILENT):
        assert {f"DiarizeRunner{alert}" for alert, *_ in cases.values()} == alert_rules().keys()


@pytest.mark.parametrize("name", alert_rules())
def test_each_alert_has_a_severity_a_summary_and_a_description(name):
    rule = alert_rules()[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    assert all(rule["annotations"].values())


def test_promtool_finds_no_fault_in_the_rules():
    promtool("check", "rules", "--lint-fatal", ALERTS)


def test_prometheus_can_use_the_example_with_a_file_that_holds_the_key(tmp_path):
    key = tmp_path / "key"
    key.write_text("dr_key")
    text = CONFIGURATION.read_text(encoding="utf-8")
    (tmp_path / "alerts.yaml").write_bytes(ALERTS.read_bytes())
    with_key, found = re.subn(r"credentials_file: \S+", f"credentials_file: {key}", text)
    (tmp_path / "prometheus.yaml").write_text(with_key)
    assert found == 1
    assert "11 rules found" in promtool("check", "config", "--lint-fatal", tmp_path / "prometheus.yaml")


def test_the_boxes_of_the_example_are_those_that_the_alerts_watch():
    (job,) = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["scrape_configs"]
    assert re.fullmatch("diarize-runner.*", job["job_name"])
    assert (MONITORING / "alerts.yaml").samefile(ALERTS)
