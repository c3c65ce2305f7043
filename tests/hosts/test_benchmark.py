"""The role benchmark, which writes reports to the controller. A stub replaces the benchmark command."""

import json
import re

import pytest
from support.benchmarks import measurement, report
from support.hosts import DEBIAN_12, apply_role, fresh_hosts
from support.hosts.trees import changes

from diarize_runner.benchmark.reading import read_report

pytestmark = pytest.mark.hosts

COMMAND = "/opt/diarize-runner/current/bin/diarize-runner"
STUB = b"""#!/bin/sh
[ "$3" != --cache=/nowhere ] || { printf 'error: no cache is there\\nhint: restore one\\n' >&2; exit 1; }
printf '{"arguments": "%s"}' "$*"
"""


def test_each_box_is_measured_and_its_report_is_written_to_the_controller(tmp_path):
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        for host in hosts:
            host.put(COMMAND, STUB, mode="0755")
        before = [host.files() for host in hosts]

        def measure(*arguments, **variables):
            wiring = {"benchmark_reports": str(tmp_path), "benchmark_arguments": ["call.wav"], **variables}
            return apply_role({host: {} for host in hosts}, "benchmark", *arguments, **wiring)

        for play in measure("--check").values():
            play.succeeded()
        assert list(tmp_path.iterdir()) == []
        for play in measure(benchmark_device="cpu").values():
            play.succeeded()
        for host in hosts:
            (report,) = (tmp_path / host.address).iterdir()
            assert re.fullmatch(r"\d{8}T\d{6}Z\.json", report.name)
            expected = "benchmark run --cache=/var/lib/diarize-runner/cache --device=cpu --json call.wav"
            assert json.loads(report.read_text()) == {"arguments": expected}
        assert [changes(was, host.files()) for was, host in zip(before, hosts, strict=True)] == [[], []]
        for play in measure(benchmark_cache="/nowhere").values():
            assert "error: no cache is there" in play.output


def test_the_controller_publishes_reports_to_a_store(host, tmp_path):
    document = report(measurement("call", 100.0, 9.0)).to_json()
    host.put(COMMAND, b"#!/bin/sh\ncat <<'EOF'\n" + document + b"EOF\n", mode="0755")
    before = host.files()

    def measure(*arguments, store=tmp_path / "store"):
        return host.apply(
            "benchmark", *arguments, benchmark_reports=str(tmp_path / "reports"), benchmark_store=store.as_uri()
        )

    measure("--check").succeeded()
    assert not (tmp_path / "store").exists()
    measure().succeeded()
    measure().succeeded()
    (published,) = (tmp_path / "store").rglob("*.json")
    assert published.relative_to(tmp_path / "store").parts[:2] == ("benchmarks", host.address)
    assert published.name == "20261121T000000Z.json"
    assert read_report(published) == report(measurement("call", 100.0, 9.0))
    (tmp_path / "file").write_text("no folder")
    assert "error: file://" in measure(store=tmp_path / "file").failure
    assert changes(before, host.files()) == []


def test_a_folder_for_reports_is_required(host):
    assert "benchmark_reports must be an absolute path" in host.apply("benchmark").failure
