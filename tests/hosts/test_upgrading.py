"""A box that release 0.1.0 was put on, with its cache of version 1, comes to this release and switches back."""

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, play_on

pytestmark = pytest.mark.hosts

HOME, CACHE = "/opt/diarize-runner", "/var/lib/diarize-runner/cache"


@pytest.fixture(scope="module")
def box(shelf):
    """A box of release 0.1.0, whose store then gets a version of this release."""
    shelf.publish_as_0_1_0("1.0", "echo old: $(cat)")
    with fresh_hosts(DEBIAN_12) as (host,):
        shelf.stock(host)
        play_on([host], "provision.yml", **shelf.variables).succeeded()
        assert state(host) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")
        shelf.publish("2.0", "echo new: $(cat)", release="this")
        shelf.stock(host)
        yield host


def state(host):
    """Return which release is at work, what its models say, and the format of their manifest."""
    heard = host.succeed(f"echo hello > /root/call.wav && {HOME}/current/bin/diarize-runner diarize /root/call.wav")
    release = host.succeed(f"cat {HOME}/current/lib/python3*/site-packages/release")
    return (
        release,
        heard.strip(),
        host.succeed(f"grep -o 'diarize-runner/manifest/.' {CACHE}/current/manifest.json").strip(),
    )


def test_it_is_refused_refreshed_models_that_it_cannot_read_then_upgraded_switched_back_and_upgraded_again(box, shelf):
    refused = play_on([box], "refresh_cache.yml", **shelf.variables)
    assert "format 'diarize-runner/pointer/2' is not diarize-runner/pointer/1" in refused.failure
    assert "hint: use the diarize-runner release that wrote it" in refused.failure
    assert state(box) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")

    play_on([box], "provision.yml", **shelf.variables).succeeded()
    assert state(box) == ("this", "new: hello", "diarize-runner/manifest/2")

    play_on([box], "switch_back.yml").succeeded()
    assert state(box) == ("0.1.0", "old: hello", "diarize-runner/manifest/1")

    play_on([box], "switch_back.yml").succeeded()
    assert state(box) == ("this", "old: hello", "diarize-runner/manifest/1"), "which this release reads, too"

    assert play_on([box], "refresh_cache.yml", **shelf.variables).succeeded().changed > 0
    assert state(box) == ("this", "new: hello", "diarize-runner/manifest/2")
