"""A fresh host that can reach only its store becomes a box: models, packages and playbooks come from Swift.

The wheels are real (5 GB), so they are cached between runs of the tests.
"""

import json
import re

import pytest
from support.buckets import Cloud
from support.hosts import DEBIAN_13, fresh_host, require_hosts
from support.hosts.trees import changes
from support.real_version import real_version
from support.swift import ACCESS_KEY, SECRET_KEY, require_swift, swift
from support.web import files, serving

from diarize_runner.cache.published.publish import publish
from diarize_runner.progress import NoProgress
from diarize_runner.store.address import open_writable_store
from diarize_runner.store.local import LocalStore

COMMAND = "/opt/diarize-runner/current/bin/diarize-runner"
SPOOL = "/var/lib/diarize-runner"
SAMPLE = "/opt/diarize-runner/current/lib/python3*/site-packages/pyannote/audio/sample/sample.wav"
SPEAKERS = ["SPEAKER_00", "SPEAKER_01"]
ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow")
LEFT_BY_OTHERS = ("/root/.ansible", "/var/log", "/root/.aws")

pytestmark = [pytest.mark.hosts, pytest.mark.longest]


@pytest.fixture(scope="module")
def version():
    """A build of the embedded cache with all wheels for Debian 12 and 13 (Python 3.11 and 3.13)."""
    require_hosts()
    return real_version()


@pytest.fixture(scope="module")
def served(version, tmp_path_factory):
    """Serve the store at a host's store address. Hosts share one store, because each copy has 5 GB."""
    store = LocalStore(tmp_path_factory.mktemp("served") / "store")
    publish(version, store, NoProgress())
    return lambda host: serving(files(store.root), address=host.store_address)


@pytest.fixture(scope="module")
def site(version, tmp_path_factory):
    """A fresh host and its store, served by Swift."""
    require_swift()
    with fresh_host() as host, swift(tmp_path_factory.mktemp("swift"), host.store_address) as url:
        cloud = Cloud(url=url, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        store = f"s3://{cloud.new_bucket()}/models"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cloud.environment.items():
                patch.setenv(name, value)
            publish(version, open_writable_store(store), NoProgress())
            host.put(
                "/root/.aws/credentials",
                f"[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET_KEY}\n".encode(),
            )
            host.put("/root/.aws/config", f"[default]\nregion=us-east-1\nendpoint_url={url}\n".encode())
            yield host, store


def provision(site, *arguments, **variables):
    host, store = site
    variables |= {"diarize_runner_store": store, "diarize_runner_device": "cpu"}
    return host.play("playbooks/provision.yml", *arguments, **variables)


def test_a_fresh_host_becomes_a_box_from_its_store_alone_and_reset_restores_it(site):
    host, _ = site
    before = host.files()
    enabled = {"diarize_runner_transcription_enabled": "true", "diarize_runner_service_enabled": "true"}
    assert provision(site, "--check", **enabled).succeeded().changed > 0
    assert changes(before, host.files()) == []

    assert "speaker turns of 2 speakers" in provision(site, "-v", **enabled).succeeded().words, "by the service"
    assert provision(site, **enabled).succeeded().changed == 0

    diagnosis = json.loads(host.succeed(f"MPLCONFIGDIR=/tmp {COMMAND} doctor --sample --device cpu --json"))
    assert diagnosis["state"] == "good", diagnosis
    sample = next(check["detail"] for check in diagnosis["checks"] if check["name"] == "sample")
    assert sample.startswith("2 of 2 speakers")
    assert float(sample.split("DER ")[1].split(" %")[0]) <= 8
    assert re.search(r"; tiny\.en: [6-9]\d words, 0 without a speaker, on cpu$", sample), sample
    assert speakers_in(host.succeed(f"HOME=/tmp MPLCONFIGDIR=/tmp {COMMAND} run {SAMPLE} --device cpu")) == SPEAKERS
    assert (host.packets.leak, host.packets.store > 0) == (0, True)

    assert_transcribes_and_labels_sample(host)
    assert host.run(f"grep -rlE 'hf_[A-Za-z0-9]{{30}}' /etc /root {SPOOL} /opt/diarize-runner/*.json").stdout == ""
    assert host.packets.leak == 0

    host.succeed(f"rm -r {SPOOL}/outbox/sample")
    host.play("playbooks/reset.yml").succeeded()
    left = [path for path in changes(before, host.files()) if path.rstrip("-") not in ACCOUNTS]
    assert [path for path in left if not path.startswith(LEFT_BY_OTHERS)] == []


def speakers_in(text):
    return sorted(set(re.findall(r"SPEAKER_\d+", text)))


def assert_transcribes_and_labels_sample(host):
    """Copy pyannote.audio's sample into the inbox, and check that the result has its two speakers and what they say."""
    labelled = f"{SPOOL}/outbox/sample/sample.labelled"
    host.succeed(f"cp {SAMPLE} {SPOOL}/inbox/")
    host.wait_for(f"test -s {labelled}.rttm || cat {SPOOL}/failed/sample/*.txt", seconds=180)
    assert host.succeed(f"cut -d ' ' -f 8 {labelled}.rttm | sort -u").split() == SPEAKERS
    said = host.succeed(f"cat {labelled}.srt")
    assert speakers_in(said) == SPEAKERS
    assert len(re.findall("[a-z']+", said)) > 60


def test_one_line_of_curl_turns_a_bare_host_into_a_box_and_another_removes_it(served):
    with fresh_host() as host, served(host) as server:
        before = host.files()
        line = f"curl -fsSL {server.url}/latest/bootstrap.sh | bash -s -- --store {server.url} --device cpu"
        assert "version 1.0 of" in host.succeed(f"{line} --plan")
        assert changes(before, host.files()) == []

        host.succeed(line)

        assert json.loads(host.succeed(f"{COMMAND} doctor --device cpu --json"))["state"] == "good"
        assert re.search(r"localhost\s+: ok=\d+\s+changed=0 ", host.succeed(line))
        host.succeed(f"{line.replace('--store', '--uninstall --store')}")
        left = [path for path in changes(before, host.files()) if path.rstrip("-") not in ACCOUNTS]
        assert [path for path in left if not path.startswith(LEFT_BY_OTHERS)] == []
        assert host.packets.leak == 0


def test_a_fresh_debian_13_becomes_a_box_from_its_store_alone(served):
    with fresh_host(DEBIAN_13) as host, served(host) as server:
        provision((host, server.url)).succeeded()
        diagnosis = json.loads(host.succeed(f"MPLCONFIGDIR=/tmp {COMMAND} doctor --sample --device cpu --json"))
        assert diagnosis["state"] == "good", diagnosis
        assert diagnosis["checks"][-1]["detail"].startswith("2 of 2 speakers")
        assert "3.13" in host.succeed("ls /opt/diarize-runner/current/lib")
        assert host.packets.leak == 0
