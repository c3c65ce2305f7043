"""The role gpu_driver, in every state it can find a box in. The GPU and the drivers are fakes: see support.gpus."""

from pathlib import Path

import pytest
from support import gpus
from support.hosts.trees import changes
from support.packages import make_mirror, sign_mirror
from support.web import files, serving

pytestmark = pytest.mark.hosts

LOCK = Path(__file__).resolve().parents[2] / "requirements/requirements-diarization.txt"
KEY = "3bf863cc.pub"


def apply(host, *arguments, lock=LOCK, **variables):
    wiring = {"gpu_driver_requirements": str(lock), "__gpu_driver_sysfs": gpus.SYSFS}
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


def has_driver(host, version, *, loaded, command="/usr/local/bin/nvidia-smi"):
    """Give the host a driver that no package put there."""
    gpus.load(host, loaded)
    host.put(command, gpus.nvidia_smi(version).encode(), mode="0755")


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


class TestNothingIsDone:
    """And nothing on the box changes, whether the play is content or stops and says what to do."""

    @pytest.fixture
    def look(self, host):
        def look(**how):
            before = host.files()
            play = apply(host, **how)
            assert changes(before, host.files()) == []
            assert (play.changed, host.packets.leak) == (0, 0)
            return play

        return look

    def test_without_a_gpu(self, look):
        assert "no NVIDIA GPU: no gpu (CUDA 13 takes 580 or newer)" in look().succeeded().words

    def test_for_another_device_of_nvidia_s(self, host, look):
        gpus.plug_in(host, device_class="0x040300")  # it makes sounds
        assert "no NVIDIA GPU" in look().succeeded().words

    def test_for_a_good_driver_whoever_installed_it(self, host, look):
        gpus.plug_in(host)
        has_driver(host, gpus.VERSION, loaded=gpus.VERSION)
        assert f"Tesla T4, driver {gpus.VERSION}: good" in look().succeeded().words

    def test_for_an_older_driver_that_is_good_enough_for_the_lock(self, host, look, tmp_path):
        gpus.plug_in(host)
        has_driver(host, gpus.OLD_VERSION, loaded=gpus.OLD_VERSION)
        said = look(lock=lock_for(tmp_path, "cu12")).succeeded().words
        assert f"driver {gpus.OLD_VERSION}: good (CUDA 12 takes 525 or newer)" in said

    def test_for_a_lock_without_cuda(self, host, look, tmp_path):
        gpus.plug_in(host)
        assert "no driver (the lock is for the CPU alone)" in look(lock=lock_for(tmp_path, "")).succeeded().words

    def test_for_a_lock_with_a_cuda_of_the_future(self, look, tmp_path):
        assert "must be a lock on the controller, for CUDA 12 or 13" in look(lock=lock_for(tmp_path, "cu14")).failure

    @pytest.mark.parametrize("image", [True, False])
    def test_for_an_old_driver_that_is_somebody_else_s(self, host, look, image):
        gpus.plug_in(host)
        has_driver(host, gpus.OLD_VERSION, loaded=gpus.OLD_VERSION)
        if image:
            host.succeed("mkdir /opt/dlami")
        who = "the AWS Deep Learning AMI" if image else "whoever installed it without dpkg"
        failure = look().failure
        assert f"Tesla T4, driver {gpus.OLD_VERSION}; CUDA 13 takes 580 or newer" in failure
        assert f"but that of {who}: install a newer one that way, or start from a newer image" in failure

    def test_on_a_system_whose_packages_the_role_does_not_know(self, host, look):
        gpus.plug_in(host)
        call_it(host, "debian", "13")
        assert "On this debian-13 the driver is not this role's business" in look().failure

    def test_where_secure_boot_would_not_load_what_is_still_to_be_compiled(self, host, look):
        gpus.plug_in(host)
        gpus.turn_secure_boot_on(host)
        assert "enrol the key that DKMS signs with (mokutil --import /var/lib/dkms/mok.pub" in look().failure

    def test_where_secure_boot_does_not_load_what_was_compiled(self, host, look):
        gpus.plug_in(host)
        gpus.turn_secure_boot_on(host)
        call_it(host, "ubuntu", "24.04")
        host.put("/usr/bin/nvidia-smi", gpus.nvidia_smi().encode(), mode="0755")
        host.put(f"/lib/modules/{gpus.KERNEL}/updates/dkms/nvidia.ko", b"")
        assert "Secure Boot, which loads no module that is compiled here" in look().failure

    def test_where_another_driver_is_loaded_than_is_on_the_disk(self, host, look):
        gpus.plug_in(host)
        has_driver(host, gpus.VERSION, loaded="580.65.06")
        assert "Reboot the box and run this again, or set gpu_driver_allow_reboot" in look().failure

    def test_where_the_driver_fails_for_a_reason_of_its_own(self, host, look):
        gpus.plug_in(host)
        gpus.load(host, gpus.VERSION)
        host.put("/usr/bin/nvidia-smi", b"#!/bin/sh\necho GPU is lost.\nexit 15\n", mode="0755")
        assert "nvidia-smi says: GPU is lost.. That is for a person to look into" in look().failure


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
