"""A box that is given a key takes what that key signed: told so, its controller looks first, and it looks itself."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.hosts import DEBIAN_12, fresh_hosts, play_on
from support.hosts.trees import changes
from support.stand_in import Shelf

from diarize_runner.cache.published.signature import write_keys

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="Debian 12 gets the tests' own compiled modules"),
]

KEY = "/opt/diarize-runner/public-key.pem"
CACHE = "/var/lib/diarize-runner/cache"
UNSIGNED = "is not signed, and a signature is wanted"
ANOTHER_S = "was not signed by the key in"
ON_THE_FIRST = ("--extra-vars", "diarize_runner_version=1.0")


@pytest.fixture(scope="module")
def keys():
    """The folder of a team's key pair, and of another's."""
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
    """Two boxes with what the team signed, held to the team's key."""
    shelf.publish("1.0", "echo signed: $(cat)")
    with fresh_hosts(DEBIAN_12, DEBIAN_12) as hosts:
        shelf.stock(*hosts)
        trusting(keys, hosts, "provision.yml", shelf).succeeded()
        yield hosts


def trusting(keys, hosts, playbook, shelf, *arguments, key="team"):
    told = {**shelf.variables, "diarize_runner_public_key": str(keys / f"{key}.pub")}
    return play_on(hosts, playbook, *arguments, **told)


@pytest.mark.parametrize(("key", "refusal"), [("other", ANOTHER_S), ("team", UNSIGNED)])
def test_a_fresh_host_gets_nothing_of_a_version_that_its_key_did_not_sign(key, refusal, host, shelf, keys):
    (shelf if key == "other" else shelf.unsigned).publish(f"2.{key}", "echo hello")
    shelf.stock(host)
    before = host.files()

    play = trusting(keys, [host], "provision.yml", shelf, key=key)

    assert refusal in play.failure
    assert changes(before, host.files()) == []


@pytest.mark.parametrize(("key", "refusal"), [("other", ANOTHER_S), ("team", UNSIGNED)])
def test_new_models_that_the_key_did_not_sign_are_refused_and_nothing_changes(key, refusal, boxes, shelf, keys):
    box, _ = boxes
    (shelf if key == "other" else shelf.unsigned).publish(f"3.{key}", "echo hello")
    shelf.stock(box)
    before = box.files()

    play = trusting(keys, [box], "refresh_cache.yml", shelf, key=key)

    assert refusal in play.failure
    assert changes(before, box.files()) == []


@pytest.mark.parametrize("playbook", ["provision.yml", "refresh_cache.yml"])
def test_a_box_whose_store_lacks_the_signature_that_its_controller_saw_refuses_too(playbook, boxes, shelf, keys):
    box, _ = boxes
    version = f"4.{playbook[0]}"
    shelf.publish(version, "echo hello", release=version)
    shelf.stock(box)
    box.succeed(f"rm {shelf.signature(version)}")
    in_use = box.succeed(f"readlink {CACHE}/current /opt/diarize-runner/current")

    assert f"version {version} {UNSIGNED}" in trusting(keys, [box], playbook, shelf).words
    assert box.succeed(f"readlink {CACHE}/current /opt/diarize-runner/current") == in_use


def test_a_key_that_is_no_longer_given_goes(boxes, shelf):
    box, _ = boxes
    assert play_on([box], "refresh_cache.yml", *ON_THE_FIRST, **shelf.variables).succeeded().changed == 1
    assert box.run(f"test -e {KEY}").returncode != 0


def test_a_new_key_takes_the_place_of_the_one_before_as_a_check_foretells_and_goes_with_the_reset(boxes, shelf, keys):
    _, box = boxes
    assert key_on(box) == (keys / "team.pub").read_text()
    assert trusting(keys, [box], "provision.yml", shelf, *ON_THE_FIRST).changed == 0
    replace(shelf, private=keys / "other.key").publish("5.0", "echo other: $(cat)")
    shelf.stock(box)

    foretold, done, again = (
        trusting(keys, [box], "refresh_cache.yml", shelf, *how, key="other").succeeded().changed
        for how in (("--check",), (), ())
    )

    assert (foretold, done, again) == (2, 2, 0), "the key and the models"
    assert key_on(box) == (keys / "other.pub").read_text()
    box.play("playbooks/reset.yml").succeeded()
    assert box.run("test -e /opt/diarize-runner").returncode != 0


def key_on(host):
    """Return the key that a host is held to, which everybody may read and only root write."""
    assert host.succeed(f"stat --format '%a %U' {KEY}") == "644 root\n"
    return host.succeed(f"cat {KEY}")
