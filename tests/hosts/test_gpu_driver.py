"""The role gpu_driver, in every state of a box. The GPU and the drivers are fakes: see support.gpus."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import gpus
from support.hosts import DEBIAN_12, Host, apply_role, fresh_hosts, require_hosts
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


def set_os_release(host, system, release):
    """Make the host look like another distribution."""
    host.put("/etc/os-release", f'ID={system}\nVERSION_ID="{release}"\n'.encode())


def install_driver(host, version, *, loaded):
    """Install a driver without a package."""
    gpus.load(host, loaded)
    host.put("/usr/local/bin/nvidia-smi", gpus.nvidia_smi(version).encode(), mode="0755")


def installed(host):
    """Return the packages that were installed, in order."""
    log = host.succeed("cat /var/log/dpkg.log 2>/dev/null || true")
    return [line.split()[3].removesuffix(":all") for line in log.splitlines() if line.split()[2] == "install"]


@pytest.fixture
def mirror(host, tmp_path):
    """A mirror of Ubuntu's and NVIDIA's packages, served at the host's store address, and its URL."""
    folder = tmp_path / "mirror"
    for name, packages in {"ubuntu": gpus.UBUNTU, "nvidia": gpus.NVIDIA}.items():
        (folder / name).mkdir(parents=True)
        for package in packages:
            package.build(folder / name)
        make_mirror(folder / name)
    with serving(files(folder), address=host.store_address) as store:
        host.put("/etc/apt/sources.list", f"deb [trusted=yes] {store.url}/ubuntu ./\n".encode())
        yield folder, store.url


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box in which the role must change nothing."""

    prepare: Callable[[Host], None]
    messages: tuple[str, ...]
    fails: bool = False
    cuda: str = "cu13"


def no_gpu(host):
    pass


def a_sound_device(host):
    gpus.plug_in(host, device_class="0x040300")


def a_gpu(host):
    gpus.plug_in(host)


def a_good_driver(host):
    gpus.plug_in(host)
    install_driver(host, gpus.VERSION, loaded=gpus.VERSION)


def an_old_driver(host):
    gpus.plug_in(host)
    install_driver(host, gpus.OLD_VERSION, loaded=gpus.OLD_VERSION)


def an_old_driver_in_an_aws_image(host):
    an_old_driver(host)
    host.succeed("mkdir /opt/dlami")


def an_unsupported_system(host):
    gpus.plug_in(host)
    set_os_release(host, "debian", "13")


def secure_boot_without_a_module(host):
    gpus.plug_in(host)
    gpus.turn_secure_boot_on(host)


def secure_boot_with_a_compiled_module(host):
    secure_boot_without_a_module(host)
    set_os_release(host, "ubuntu", "24.04")
    host.put("/usr/bin/nvidia-smi", gpus.nvidia_smi().encode(), mode="0755")
    host.put(f"/lib/modules/{gpus.KERNEL}/updates/dkms/nvidia.ko", b"")


def a_different_driver_on_disk(host):
    gpus.plug_in(host)
    install_driver(host, gpus.VERSION, loaded="580.65.06")


def a_lost_gpu(host):
    gpus.plug_in(host)
    gpus.load(host, gpus.VERSION)
    host.put("/usr/bin/nvidia-smi", b"#!/bin/sh\necho GPU is lost.\nexit 15\n", mode="0755")


TOO_OLD = f"Tesla T4, driver {gpus.OLD_VERSION}; CUDA 13 needs 580 or newer"
COMPILED = "Secure Boot, which loads no module that is compiled here"
BOXES = [
    Box(prepare=no_gpu, messages=("no NVIDIA GPU: no gpu (CUDA 13 needs 580 or newer)",)),
    Box(prepare=a_sound_device, messages=("no NVIDIA GPU: no gpu",)),
    Box(prepare=a_good_driver, messages=(f"Tesla T4, driver {gpus.VERSION}: good",)),
    Box(
        prepare=an_old_driver, cuda="cu12", messages=(f"driver {gpus.OLD_VERSION}: good (CUDA 12 needs 525 or newer)",)
    ),
    Box(prepare=a_gpu, cuda="", messages=("no driver (the lock is CPU-only)",)),
    Box(prepare=a_gpu, cuda="cu14", fails=True, messages=("must be a lock on the controller for CUDA 12 or 13",)),
    Box(
        prepare=an_old_driver,
        fails=True,
        messages=(TOO_OLD, "(managed by: an installer other than dpkg). Install a newer driver by hand"),
    ),
    Box(
        prepare=an_old_driver_in_an_aws_image,
        fails=True,
        messages=(TOO_OLD, "(managed by: the AWS Deep Learning AMI). Install a newer driver by hand, or use a newer"),
    ),
    Box(
        prepare=an_unsupported_system,
        fails=True,
        messages=("This role installs no driver on this debian-13. Install a newer driver by hand",),
    ),
    Box(prepare=secure_boot_without_a_module, fails=True, messages=(COMPILED, "mokutil --import")),
    Box(prepare=secure_boot_with_a_compiled_module, fails=True, messages=(COMPILED, "mokutil --import")),
    Box(
        prepare=a_different_driver_on_disk,
        fails=True,
        messages=(
            "driver 580.65.06 is loaded, but the disk has another version",
            "Reboot the box and run this again, or set",
        ),
    ),
    Box(prepare=a_lost_gpu, fails=True, messages=("nvidia-smi fails: GPU is lost.", "repair the driver by hand")),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run one play on all boxes; map each box to its play, changed files and leaked packets."""
    require_hosts()
    with fresh_hosts(*[DEBIAN_12] * len(BOXES)) as hosts:
        wiring = {}
        for host, box in zip(hosts, BOXES, strict=True):
            box.prepare(host)
            wiring[host] = {"gpu_driver_requirements": str(lock_for(tmp_path_factory.mktemp("lock"), box.cuda))}
        before = [host.files() for host in hosts]
        plays = apply_role(wiring, "gpu_driver", __gpu_driver_sysfs=gpus.SYSFS)
        after = [(changes(was, host.files()), host.packets.leak) for was, host in zip(before, hosts, strict=True)]
        yield dict(zip(BOXES, zip(plays.values(), after, strict=True), strict=True))


@pytest.mark.parametrize("box", BOXES, ids=lambda box: f"{box.prepare.__name__} {box.cuda or 'cpu'}")
def test_the_role_reports_the_state_and_changes_nothing(results, box):
    play, (changed, leak) = results[box]
    assert (play.exit_code != 0) == box.fails, play.output
    for message in box.messages:
        assert message in play.words
    assert (play.changed, changed, leak) == (0, [], 0)


def test_the_role_reads_the_cuda_version_from_this_repository_s_lock(host):
    assert "(CUDA 13 needs 580 or newer)" in apply(host).succeeded().words


def test_ubuntu_gets_signed_modules_without_a_reboot_even_with_secure_boot(host, mirror):
    gpus.plug_in(host)
    gpus.turn_secure_boot_on(host)
    set_os_release(host, "ubuntu", "24.04")
    before, booted = host.files(), host.boot_id()
    assert apply(host, "--check").succeeded().changed == 1
    assert changes(before, host.files()) == []

    assert f"Tesla T4, driver {gpus.VERSION}: good" in apply(host).succeeded().words
    assert sorted(installed(host)) == names(gpus.UBUNTU)
    assert apply(host).succeeded().changed == 0
    assert host.boot_id() == booted
    assert host.packets.leak == 0


def test_an_old_driver_is_replaced_and_the_box_rebooted_only_if_allowed(host, mirror, tmp_path):
    gpus.plug_in(host)
    set_os_release(host, "ubuntu", "22.04")
    host.put("/srv/old.deb", gpus.OLD.build(tmp_path).read_bytes())
    host.succeed("dpkg --install /srv/old.deb && modprobe nvidia")
    booted = host.boot_id()

    failure = apply(host).failure
    assert sorted(installed(host)) == names([gpus.OLD, *gpus.UBUNTU])
    assert f"driver {gpus.OLD_VERSION} is loaded, but the disk has another version" in failure
    assert "Reboot the box and run this again, or set gpu_driver_allow_reboot" in failure
    assert host.boot_id() == booted

    assert apply(host, "--check", gpu_driver_allow_reboot=True).succeeded().changed == 1
    assert host.boot_id() == booted
    rebooted = apply(host, gpu_driver_allow_reboot=True).succeeded()
    assert f"Tesla T4, driver {gpus.VERSION}: good" in rebooted.words
    assert host.boot_id() != booted


def test_debian_gets_nvidia_s_packages_only_with_the_fingerprint_of_their_key(host, mirror):
    folder, url = mirror
    fingerprint = sign_mirror(folder / "nvidia", KEY)
    repository = {"gpu_driver_repository": f"{url}/nvidia/"}
    gpus.plug_in(host)
    host.put("/etc/apt/sources.list", b"")
    host.put("/etc/apt/apt.conf.d/once", b'Acquire::Retries "0";')

    assert "public key is not available" in apply(host, **repository).failure, "its fingerprint is not NVIDIA's"
    assert installed(host) == []

    apply(host, **repository, __gpu_driver_key_fingerprint=fingerprint).succeeded()
    assert installed(host)[0] == "nvidia-driver-pinning-580"
    assert sorted(installed(host)) == names(gpus.NVIDIA)
    assert apply(host, **repository, __gpu_driver_key_fingerprint=fingerprint).succeeded().changed == 0
    assert host.packets.leak == 0
