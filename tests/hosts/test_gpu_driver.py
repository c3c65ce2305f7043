"""The role gpu_driver, in every state it can find a box in. The GPU and the drivers are fakes: see support.gpus."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import gpus
from support.hosts import DEBIAN_12, Host, apply_to, fresh_hosts, require_hosts
from support.hosts.trees import changes
from support.packages import make_mirror, sign_mirror
from support.web import files, serving

pytestmark = pytest.mark.hosts

LOCK = Path(__file__).resolve().parents[2] / "requirements/requirements-diarization.txt"
KEY = "3bf863cc.pub"


def apply(host, *arguments, **variables):
    wiring = {"gpu_driver_requirements": str(LOCK), "__gpu_driver_sysfs": gpus.SYSFS}
    return host.apply("gpu_driver", *arguments, **wiring, **variables)


def lock_for(tmp_path, cuda):
    path = tmp_path / "lock.txt"
    path.write_text(f"nvidia-cudnn-{cuda}==9.19.0.56 \\\n    --hash=sha256:0\n" if cuda else "numpy==2.0.0\n")
    return path


def names(packages):
    return sorted(package.name for package in packages)


def call_it(host, system, release):
    """Have the host say that it is another system."""
    host.put("/etc/os-release", f'ID={system}\nVERSION_ID="{release}"\n'.encode())


def has_driver(host, version, *, loaded):
    """Give the host a driver that no package put there."""
    gpus.load(host, loaded)
    host.put("/usr/local/bin/nvidia-smi", gpus.nvidia_smi(version).encode(), mode="0755")


def installed(host):
    """Return the packages that were installed, in their order."""
    log = host.succeed("cat /var/log/dpkg.log 2>/dev/null || true")
    return [line.split()[3].removesuffix(":all") for line in log.splitlines() if line.split()[2] == "install"]


@pytest.fixture
def mirror(host, tmp_path):
    """A mirror of what Ubuntu and NVIDIA have, and its address: the host's store serves it."""
    folder = tmp_path / "mirror"
    for place, packages in {"ubuntu": gpus.UBUNTU, "nvidia": gpus.NVIDIA}.items():
        (folder / place).mkdir(parents=True)
        for package in packages:
            package.build(folder / place)
        make_mirror(folder / place)
    with serving(files(folder), address=host.store_address) as store:
        host.put("/etc/apt/sources.list", f"deb [trusted=yes] {store.url}/ubuntu ./\n".encode())
        yield folder, store.url


@dataclass(frozen=True, kw_only=True)
class Box:
    """One that the role is to look at, and leave as it is."""

    given: Callable[[Host], None]
    says: tuple[str, ...]
    stops: bool = False
    cuda: str = "cu13"


def nothing(host):
    pass


def a_sound_device(host):
    gpus.plug_in(host, device_class="0x040300")


def a_gpu(host):
    gpus.plug_in(host)


def a_good_driver(host):
    gpus.plug_in(host)
    has_driver(host, gpus.VERSION, loaded=gpus.VERSION)


def an_old_driver(host):
    gpus.plug_in(host)
    has_driver(host, gpus.OLD_VERSION, loaded=gpus.OLD_VERSION)


def an_old_driver_in_an_image_of_aws(host):
    an_old_driver(host)
    host.succeed("mkdir /opt/dlami")


def a_system_the_role_does_not_know(host):
    gpus.plug_in(host)
    call_it(host, "debian", "13")


def secure_boot_before_anything_is_compiled(host):
    gpus.plug_in(host)
    gpus.turn_secure_boot_on(host)


def secure_boot_after_a_module_was_compiled(host):
    secure_boot_before_anything_is_compiled(host)
    call_it(host, "ubuntu", "24.04")
    host.put("/usr/bin/nvidia-smi", gpus.nvidia_smi().encode(), mode="0755")
    host.put(f"/lib/modules/{gpus.KERNEL}/updates/dkms/nvidia.ko", b"")


def another_driver_loaded_than_on_the_disk(host):
    gpus.plug_in(host)
    has_driver(host, gpus.VERSION, loaded="580.65.06")


def a_gpu_that_is_lost(host):
    gpus.plug_in(host)
    gpus.load(host, gpus.VERSION)
    host.put("/usr/bin/nvidia-smi", b"#!/bin/sh\necho GPU is lost.\nexit 15\n", mode="0755")


OLD_IS_TOO_OLD = f"Tesla T4, driver {gpus.OLD_VERSION}; CUDA 13 takes 580 or newer"
COMPILED = "Secure Boot, which loads no module that is compiled here"
BOXES = [
    Box(given=nothing, says=("no NVIDIA GPU: no gpu (CUDA 13 takes 580 or newer)",)),
    Box(given=a_sound_device, says=("no NVIDIA GPU: no gpu",)),
    Box(given=a_good_driver, says=(f"Tesla T4, driver {gpus.VERSION}: good",)),
    Box(given=an_old_driver, cuda="cu12", says=(f"driver {gpus.OLD_VERSION}: good (CUDA 12 takes 525 or newer)",)),
    Box(given=a_gpu, cuda="", says=("no driver (the lock is for the CPU alone)",)),
    Box(given=a_gpu, cuda="cu14", stops=True, says=("must be a lock on the controller, for CUDA 12 or 13",)),
    Box(given=an_old_driver, stops=True, says=(OLD_IS_TOO_OLD, "but that of whoever installed it without dpkg")),
    Box(
        given=an_old_driver_in_an_image_of_aws,
        stops=True,
        says=(OLD_IS_TOO_OLD, "that of the AWS Deep Learning AMI: install a newer one that way, or start from a newer"),
    ),
    Box(
        given=a_system_the_role_does_not_know,
        stops=True,
        says=("On this debian-13 the driver is not", "but that of its administrator: install a newer one"),
    ),
    Box(given=secure_boot_before_anything_is_compiled, stops=True, says=(COMPILED, "mokutil --import")),
    Box(given=secure_boot_after_a_module_was_compiled, stops=True, says=(COMPILED, "mokutil --import")),
    Box(
        given=another_driver_loaded_than_on_the_disk,
        stops=True,
        says=("driver 580.65.06 is loaded, and another is on the disk", "Reboot the box and run this again, or set"),
    ),
    Box(given=a_gpu_that_is_lost, stops=True, says=("nvidia-smi says: GPU is lost.", "for a person to look into")),
]


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """One play over all of the boxes: of each what the role said, what it changed, and what left it."""
    require_hosts()
    with fresh_hosts(*[DEBIAN_12] * len(BOXES)) as hosts:
        wiring = {}
        for host, box in zip(hosts, BOXES, strict=True):
            box.given(host)
            wiring[host] = {"gpu_driver_requirements": str(lock_for(tmp_path_factory.mktemp("lock"), box.cuda))}
        before = [host.files() for host in hosts]
        plays = apply_to(wiring, "gpu_driver", __gpu_driver_sysfs=gpus.SYSFS)
        after = [(changes(was, host.files()), host.packets.leak) for was, host in zip(before, hosts, strict=True)]
        yield dict(zip(BOXES, zip(plays.values(), after, strict=True), strict=True))


@pytest.mark.parametrize("box", BOXES, ids=lambda box: f"{box.given.__name__} {box.cuda or 'cpu'}")
def test_the_role_says_what_it_finds_and_leaves_it_as_it_is(looked_at, box):
    play, (changed, leak) = looked_at[box]
    assert (play.exit_code != 0) == box.stops, play.output
    for sentence in box.says:
        assert sentence in play.words
    assert (play.changed, changed, leak) == (0, [], 0)


def test_what_cuda_the_lock_of_this_repository_is_for_is_read_out_of_it(host):
    assert "(CUDA 13 takes 580 or newer)" in apply(host).succeeded().words


def test_ubuntu_gets_its_own_signed_modules_under_secure_boot_too_and_no_reboot(host, mirror):
    gpus.plug_in(host)
    gpus.turn_secure_boot_on(host)
    call_it(host, "ubuntu", "24.04")
    before, booted = host.files(), host.boot_id()
    assert apply(host, "--check").succeeded().changed == 1
    assert changes(before, host.files()) == []

    assert f"Tesla T4, driver {gpus.VERSION}: good" in apply(host).succeeded().words
    assert sorted(installed(host)) == names(gpus.UBUNTU)
    assert apply(host).succeeded().changed == 0
    assert host.boot_id() == booted
    assert host.packets.leak == 0


def test_an_old_driver_is_replaced_and_the_box_rebooted_only_if_that_may_be_done(host, mirror, tmp_path):
    gpus.plug_in(host)
    call_it(host, "ubuntu", "22.04")
    host.put("/srv/old.deb", gpus.OLD.build(tmp_path).read_bytes())
    host.succeed("dpkg --install /srv/old.deb && modprobe nvidia")
    booted = host.boot_id()

    stopped = apply(host).failure
    assert sorted(installed(host)) == names([gpus.OLD, *gpus.UBUNTU])
    assert f"driver {gpus.OLD_VERSION} is loaded, and another is on the disk" in stopped
    assert "Reboot the box and run this again, or set gpu_driver_allow_reboot" in stopped
    assert host.boot_id() == booted

    assert apply(host, "--check", gpu_driver_allow_reboot=True).succeeded().changed == 1
    assert host.boot_id() == booted
    rebooted = apply(host, gpu_driver_allow_reboot=True).succeeded()
    assert f"Tesla T4, driver {gpus.VERSION}: good" in rebooted.words
    assert host.boot_id() != booted


def test_debian_gets_nvidia_s_packages_for_the_fingerprint_of_their_key(host, mirror):
    folder, url = mirror
    fingerprint = sign_mirror(folder / "nvidia", KEY)
    where = {"gpu_driver_repository": f"{url}/nvidia/"}
    gpus.plug_in(host)
    host.put("/etc/apt/sources.list", b"")
    host.put("/etc/apt/apt.conf.d/once", b'Acquire::Retries "0";')

    assert "public key is not available" in apply(host, **where).failure, "its fingerprint is not NVIDIA's"
    assert installed(host) == []

    apply(host, **where, __gpu_driver_key_fingerprint=fingerprint).succeeded()
    assert installed(host)[0] == "nvidia-driver-pinning-580"
    assert sorted(installed(host)) == names(gpus.NVIDIA)
    assert apply(host, **where, __gpu_driver_key_fingerprint=fingerprint).succeeded().changed == 0
    assert host.packets.leak == 0
