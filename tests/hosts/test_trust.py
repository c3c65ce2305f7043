"""A box with a key accepts only what that key signed; its controller verifies first, then the box."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, run_play
from support.hosts.trees import changes
from support.stand_in import Shelf

from diarize_runner.cache.published.signature import write_keys

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="Debian 12 uses the tests' compiled modules"),
]

KEY = "/opt/diarize-runner/public-key.pem"
CACHE = "/var/lib/diarize-runner/cache"
UNSIGNED = "is not signed, but a signature is required"
WRONG_KEY = "is not signed with the key in"
FIRST_VERSION = ("--extra-vars", "diarize_runner_version=1.0")


@pytest.fixture(scope="module")
def keys():
    """A folder with the key pairs of the team and of another one."""
    with TemporaryDirectory(prefix="diarize-runner-keys-") as folder:
        for name in ("team", "other"):
            write_keys(Path(folder, f"{name}.key"), Path(folder, f"{name}.pub"))
        yield Path(folder)


@pytest.fixture(scope="module")
def shelf(keys):
    with TemporaryDirectory(dir="/var/tmp", prefix="diarize-runner-shelf-") as folder:
        yield Shelf(folder=Path(folder), private=keys / "team.key")


@pytest.fixture(scope="module")
def boxes(shelf, keys):
    """Two boxes with the team's key and a version that it signed."""
    shelf.publish("1.0", "echo signed: $(cat)")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        shelf.stock(*hosts)
        play_with_key(keys, hosts, "provision.yml", shelf).succeeded()
        yield hosts


def play_with_key(keys, hosts, playbook, shelf, *arguments, key="team"):
    variables = {**shelf.variables, "diarize_runner_public_key": str(keys / f"{key}.pub")}
    return run_play(hosts, playbook, *arguments, **variables)


@pytest.mark.parametrize(("key", "refusal"), [("other", WRONG_KEY), ("team", UNSIGNED)])
def test_a_fresh_host_gets_no_file_of_a_version_that_its_key_did_not_sign(key, refusal, host, shelf, keys):
    (shelf if key == "other" else shelf.unsigned).publish(f"2.{key}", "echo hello")
    shelf.stock(host)
    before = host.files()

    play = play_with_key(keys, [host], "provision.yml", shelf, key=key)

    assert refusal in play.failure
    assert changes(before, host.files()) == []


@pytest.mark.parametrize(("key", "refusal"), [("other", WRONG_KEY), ("team", UNSIGNED)])
def test_new_models_that_the_key_did_not_sign_are_refused_and_nothing_changes(key, refusal, boxes, shelf, keys):
    box, _ = boxes
    (shelf if key == "other" else shelf.unsigned).publish(f"3.{key}", "echo hello")
    shelf.stock(box)
    before = box.files()

    play = play_with_key(keys, [box], "refresh_cache.yml", shelf, key=key)

    assert refusal in play.failure
    assert changes(before, box.files()) == []


@pytest.mark.parametrize("playbook", ["provision.yml", "refresh_cache.yml"])
def test_a_box_refuses_a_version_whose_signature_only_its_controller_sees(playbook, boxes, shelf, keys):
    box, _ = boxes
    version = f"4.{playbook[0]}"
    shelf.publish(version, "echo hello", release=version)
    shelf.stock(box)
    box.succeed(f"rm {shelf.signature(version)}")
    links = box.succeed(f"readlink {CACHE}/current /opt/diarize-runner/current")

    assert f"version {version} {UNSIGNED}" in play_with_key(keys, [box], playbook, shelf).words
    assert box.succeed(f"readlink {CACHE}/current /opt/diarize-runner/current") == links


def test_a_key_that_is_no_longer_given_is_removed(boxes, shelf):
    box, _ = boxes
    assert run_play([box], "refresh_cache.yml", *FIRST_VERSION, **shelf.variables).succeeded().changed == 1
    assert box.run(f"test -e {KEY}").returncode != 0


def test_a_new_key_replaces_the_old_one_as_check_mode_predicts_and_reset_removes_it(boxes, shelf, keys):
    _, box = boxes
    assert read_key(box) == (keys / "team.pub").read_text()
    assert play_with_key(keys, [box], "provision.yml", shelf, *FIRST_VERSION).changed == 0
    replace(shelf, private=keys / "other.key").publish("5.0", "echo other: $(cat)")
    shelf.stock(box)

    predicted, changed, again = (
        play_with_key(keys, [box], "refresh_cache.yml", shelf, *how, key="other").succeeded().changed
        for how in (("--check",), (), ())
    )

    assert (predicted, changed, again) == (2, 2, 0), "the key and the models"
    assert read_key(box) == (keys / "other.pub").read_text()
    box.play("playbooks/reset.yml").succeeded()
    assert box.run("test -e /opt/diarize-runner").returncode != 0


def read_key(host):
    """Return a host's key, after a check that it is world-readable and only root may write it."""
    assert host.succeed(f"stat --format '%a %U' {KEY}") == "644 root\n"
    return host.succeed(f"cat {KEY}")
