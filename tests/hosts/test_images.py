"""A box mounts the packages of a release from images; one that cannot mount them installs wheels."""

import base64
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.hosts import fresh_host, require_hosts, run_play, start_play
from support.hosts.trees import changes

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="Debian 12 uses the tests' compiled modules"),
]

HOME = "/opt/diarize-runner"
IMAGES = f"{HOME}/images"
UNITS = "/etc/systemd/system"
ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow")
TRIAL = Path(__file__).resolve().parents[2] / "roles/python_env/files/trial.squashfs.base64"
OLD_IMAGE = "0" * 64
MOUNTED = f"grep -o '{IMAGES}/[0-9a-f]*' /proc/self/mountinfo | sort"


@pytest.fixture(scope="module")
def boxes(shelf):
    """A box with loop devices and one without, provisioned by a run that was killed and a second one; files before."""
    require_hosts()
    shelf.publish_with_images("1.0", "echo old: $(cat)")
    with fresh_host() as host, fresh_host(nodes=()) as other:
        before = host.files()
        shelf.stock(host, other)
        killed = start_play([host, other], "provision.yml", interruption=a_random_kill(), **shelf.variables).end()
        assert killed.exit_code == -signal.SIGKILL, killed.output
        play = run_play([host, other], "provision.yml", **shelf.variables).succeeded()
        yield host, other, before, play


def a_random_kill():
    """Kill the play before one of its tasks that create, mount and use the environment."""
    return {"INTERRUPTION_BEFORE": str(random.Random().randrange(40, 64))}


def mounts(host):
    return host.run(MOUNTED).stdout.split()


def digests(host, link="current"):
    listed = json.loads(host.succeed(f"cat {HOME}/{link}/images.json"))["images"]
    return sorted(image["digest"].removeprefix("sha256:") for image in listed)


def diarize(host, link="current"):
    return host.succeed(f"echo hello > /run/call.wav && {HOME}/{link}/bin/diarize-runner diarize /run/call.wav")


def loop_devices_of(digest):
    listed = subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if digest in line]


def test_a_killed_run_is_finished_by_the_next_one_and_the_packages_are_mounted(boxes):
    host, _, _, play = boxes

    assert "The packages are mounted from images." in play.of(host.address).words
    assert diarize(host) == "old: hello\n"
    assert mounts(host) == [f"{IMAGES}/{digest[:12]}" for digest in digests(host)]
    assert host.succeed(f"ls {HOME}/current/lib/python3.11/site-packages | grep -ci yaml || true") == "0\n"
    assert host.run(f"test -e {HOME}/wheels").returncode != 0
    assert host.succeed(f"stat --format=%a {IMAGES}/*.squashfs").split() == ["444", "444"]


def test_a_box_without_loop_devices_installs_wheels_and_says_why(boxes):
    _, other, _, play = boxes

    assert "The packages are installed from wheels: mount: " in play.of(other.address).words
    assert diarize(other) == "old: hello\n"
    assert mounts(other) == []
    assert other.run(f"test -e {HOME}/current/images.json -o -e {IMAGES}").returncode != 0


def test_the_receipt_lists_the_images_and_their_units(boxes):
    host, *_ = boxes
    paths = json.loads(host.succeed(f"cat {HOME}/receipt.json"))["paths"]

    for digest in digests(host):
        assert f"{IMAGES}/{digest}.squashfs" in paths
        assert f"{UNITS}/opt-diarize\\x2drunner-images-{digest[:12]}.mount" in paths


def test_another_run_changes_nothing_on_either_box(boxes, shelf):
    host, other, *_ = boxes

    play = run_play([host, other], "provision.yml", **shelf.variables).succeeded()

    assert [play.of(box.address).changed for box in (host, other)] == [0, 0]


def test_the_images_are_mounted_again_after_a_power_cut(boxes):
    host, *_ = boxes

    host.cut_power()

    assert host.succeed("systemctl is-system-running") == "running\n"
    assert mounts(host) == [f"{IMAGES}/{digest[:12]}" for digest in digests(host)]
    assert diarize(host) == "old: hello\n"


def test_a_new_toolkit_needs_no_new_image_and_an_image_that_no_release_needs_is_removed(boxes, shelf):
    """The store has no image any more, and one image is not mounted."""
    host, *_ = boxes
    before = digests(host)
    put_an_old_image(host)
    shelf.publish_with_images("2.0", "echo new: $(cat)", release="second")
    shelf.stock(host)
    host.succeed(f"rm -r {shelf.store_folder}/environments && umount {IMAGES}/{before[0][:12]}")

    run_play([host], "provision.yml", **shelf.variables).succeeded()

    assert (diarize(host), diarize(host, "previous")) == ("new: hello\n", "new: hello\n")
    assert host.succeed(f"cat {HOME}/current/lib/python3.11/site-packages/release") == "second"
    assert (digests(host), digests(host, "previous")) == (before, before)
    assert mounts(host) == [f"{IMAGES}/{digest[:12]}" for digest in before]
    assert host.run(f"ls -A {IMAGES} {UNITS} {UNITS}/*.wants | grep {OLD_IMAGE[:12]}").stdout == ""
    assert loop_devices_of(OLD_IMAGE) == []


def put_an_old_image(host):
    """Mount an image of an earlier release, as the role python_env does."""
    point = f"{IMAGES}/{OLD_IMAGE[:12]}"
    host.put(f"{point}.squashfs", base64.b64decode(TRIAL.read_text()).ljust(4096, b"\0"))
    host.succeed(f"mv {point}.squashfs {IMAGES}/{OLD_IMAGE}.squashfs && mkdir {point}")
    unit = f"opt-diarize\\x2drunner-images-{OLD_IMAGE[:12]}.mount"
    text = f"[Mount]\nWhat={IMAGES}/{OLD_IMAGE}.squashfs\nWhere={point}\nType=squashfs\nOptions=loop,ro\n"
    host.put(f"{UNITS}/{unit}", f"{text}[Install]\nWantedBy=local-fs.target\n".encode())
    host.succeed(f"systemctl daemon-reload && systemctl enable --quiet --now '{unit}' && cat {point}/readable")


def test_a_reset_leaves_no_image_unit_mount_or_loop_device(boxes):
    host, _, before, _ = boxes
    images = digests(host)

    host.play("playbooks/reset.yml").succeeded()

    left = [path for path in changes(before, host.files()) if path.rstrip("-") not in ACCOUNTS]
    assert left == []
    assert mounts(host) == []
    assert host.succeed("systemctl list-units --all --type=mount | grep -c diarize || true") == "0\n"
    deadline = time.monotonic() + 10
    while any(loop_devices_of(digest) for digest in images):  # the kernel frees one with its last user
        assert time.monotonic() < deadline
        time.sleep(0.1)
