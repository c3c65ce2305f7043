"""A box of release 0.1.0, with a cache of format 1, upgrades to this release and switches back."""

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, run_play

pytestmark = pytest.mark.hosts

HOME, CACHE = "/opt/diarize-runner", "/var/lib/diarize-runner/cache"


@pytest.fixture(scope="module")
def box(shelf):
    """A box of release 0.1.0, whose store has a version of this release too."""
    shelf.publish_as_0_1_0("1.0", "echo old: $(cat)")
    with fresh_hosts(DEBIAN_12) as (host,):
        shelf.stock(host)
        run_play([host], "provision.yml", **shelf.variables).succeeded()
        assert state(host) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")
        shelf.publish("2.0", "echo new: $(cat)", release="this")
        shelf.stock(host)
        yield host


def state(host):
    """Return the current release, the output of its models, and the format of their manifest."""
    output = host.succeed(f"echo hello > /root/call.wav && {HOME}/current/bin/diarize-runner diarize /root/call.wav")
    release = host.succeed(f"cat {HOME}/current/lib/python3*/site-packages/release")
    return (
        release,
        output.strip(),
        host.succeed(f"grep -o 'diarize-runner/manifest/.' {CACHE}/current/manifest.json").strip(),
    )


def test_an_old_box_refuses_newer_models_then_upgrades_switches_back_and_upgrades_again(box, shelf):
    refused = run_play([box], "refresh_cache.yml", **shelf.variables)
    assert "format 'diarize-runner/pointer/2' is not diarize-runner/pointer/1" in refused.failure
    assert "hint: use the diarize-runner release that wrote it" in refused.failure
    assert state(box) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")

    run_play([box], "provision.yml", **shelf.variables).succeeded()
    assert state(box) == ("this", "new: hello", "diarize-runner/manifest/2")

    run_play([box], "switch_back.yml").succeeded()
    assert state(box) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")

    run_play([box], "switch_back.yml").succeeded()
    assert state(box) == ("this", "old: hello", "diarize-runner/manifest/1"), "this release reads format 1 too"

    assert run_play([box], "refresh_cache.yml", **shelf.variables).succeeded().changed > 0
    assert state(box) == ("this", "new: hello", "diarize-runner/manifest/2")
