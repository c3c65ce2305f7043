"""Benchmark reports in a bucket: written once, listed by host, and untouched by a prune."""

import pytest
from support.benchmarks import measurement, report
from support.buckets import QUICK, sign_in

from diarize_runner.benchmark.history import build_history
from diarize_runner.benchmark.published import publish_report, published_reports
from diarize_runner.cache.published.catalogue import list_versions, plan_prune, prune
from diarize_runner.errors import ObjectExists
from diarize_runner.store.s3.store import S3Store


@pytest.fixture
def moto_bucket(isolated_environment, moto_cloud, monkeypatch):
    sign_in(monkeypatch, moto_cloud)
    return S3Store.at(f"s3://{moto_cloud.new_bucket()}/models", QUICK)


def test_reports_in_a_bucket_form_its_history_and_survive_a_prune(moto_bucket, source):
    days = ["2026-11-21", "2026-11-22"]
    for day, spent in zip(days, (10.0, 12.0), strict=True):
        original = report(measurement("talk", 100.0, spent), date=f"{day}T01:02:03+00:00")
        assert publish_report(source(original.to_json()), "fe80::1", moto_bucket).changed
        assert not publish_report(source(original.to_json()), "fe80::1", moto_bucket).changed
    with pytest.raises(ObjectExists, match="has another report as benchmarks/fe80::1/"):
        publish_report(
            source(report(measurement("talk", 100.0, 9.0), date=original.date).to_json()), "fe80::1", moto_bucket
        )

    assert list_versions(moto_bucket) == ()
    assert prune(moto_bucket, plan_prune(moto_bucket, 1)).remove == ()
    entries = build_history(published_reports(moto_bucket))
    assert [(entry.host, entry.real_time_factor) for entry in entries] == [("fe80::1", 0.1), ("fe80::1", 0.12)]
