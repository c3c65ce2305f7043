"""The role base_packages, on hosts without its packages."""

import shutil

import pytest
from support.hosts import DEBIAN_12, DEBIAN_13, apply_role, fresh_hosts
from support.hosts.trees import changes
from support.packages import make_mirror
from support.web import files, serving

pytestmark = pytest.mark.hosts

MAKE_ENVIRONMENT = "python3 -m venv /tmp/environment"


def test_packages_from_a_folder_are_installed_without_a_mirror():
    images = (DEBIAN_12, DEBIAN_13)
    with fresh_hosts(*images) as hosts:
        debs = {host: {"base_packages_debs": str(image.packages)} for host, image in zip(hosts, images, strict=True)}
        before = [host.files() for host in hosts]
        assert [play.succeeded().changed for play in apply_role(debs, "base_packages", "--check").values()] == [1, 1]
        assert [changes(was, host.files()) for was, host in zip(before, hosts, strict=True)] == [[], []]
        assert [host.run(MAKE_ENVIRONMENT).returncode for host in hosts] == [1, 1], (
            "the negative control: venv is missing"
        )

        apply_role(debs, "base_packages")
        for host in hosts:
            host.succeed(MAKE_ENVIRONMENT)
        assert [play.succeeded().changed for play in apply_role(debs, "base_packages").values()] == [0, 0]
        assert [(host.packets.store, host.packets.leak) for host in hosts] == [(0, 0), (0, 0)]


def test_packages_are_installed_from_the_mirror_once_and_later_runs_do_not_contact_it(host, tmp_path):
    shutil.copytree(DEBIAN_12.packages, tmp_path, dirs_exist_ok=True)
    make_mirror(tmp_path)
    host.put("/etc/apt/sources.list", "deb [trusted=yes] http://{}:{} ./\n".format(*host.store_address).encode())
    with serving(files(tmp_path), address=host.store_address) as store:
        host.apply("base_packages").succeeded()
        host.succeed(MAKE_ENVIRONMENT)
        requests, before = len(store.requests), host.files()
        assert requests > 0
        assert host.apply("base_packages").succeeded().changed == 0
        assert changes(before, host.files()) == []
        assert len(store.requests) == requests
    assert host.packets.leak == 0


def test_a_folder_without_a_package_fails_before_anything_changes(host, tmp_path):
    before = host.files()
    failure = host.apply("base_packages", base_packages_debs=str(tmp_path)).failure
    assert f"{tmp_path} on the controller has no python3-venv_*.deb" in failure
    assert changes(before, host.files()) == []


def test_the_error_of_an_unreachable_mirror_is_shown(host):
    host.put("/etc/apt/apt.conf.d/once", b'Acquire::Retries "0";')
    host.put("/etc/apt/sources.list", "deb [trusted=yes] http://{}:{} ./\n".format(*host.store_address).encode())
    assert "Could not connect to 198.18." in host.apply("base_packages").failure


HOLD_THE_LOCK = (
    "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(8)"
)


def test_the_role_waits_for_the_dpkg_lock(host):
    host.succeed(f'systemd-run --quiet --unit=upgrade python3 -c "{HOLD_THE_LOCK}"')
    host.wait_for("! dpkg --configure -a")
    host.apply("base_packages", base_packages_debs=str(DEBIAN_12.packages)).succeeded()
    assert host.run("systemctl is-active upgrade").returncode != 0
