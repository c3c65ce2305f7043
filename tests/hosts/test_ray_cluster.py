"""The role ray_cluster: its unit, its user and its environment, with the real Ray.

The lock and its wheel are stubs that bring only the command: Ray itself is among the packages of the release, where the
environment finds it.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from support.hosts import fresh_host, require_hosts
from support.hosts.trees import changes
from support.wheels import pinned, write_wheel

pytestmark = pytest.mark.hosts

SITE = next(Path(each) for each in sys.path if (Path(each) / "ray").is_dir())
UV = Path(sys.executable).with_name("uv")
HOME = "/opt/diarize-runner"
RELEASE = f"{HOME}/releases/one"
TOKEN = "/etc/diarize-runner/ray-token"
UNIT = "diarize-runner-ray"
PACKAGES = (
    *("attr", "attrs", "certifi", "charset_normalizer", "click", "filelock", "google", "idna", "jsonschema"),
    *("jsonschema_specifications", "msgpack", "packaging", "ray", "referencing", "requests", "rpds"),
    *("typing_extensions.py", "urllib3", "yaml"),
)
"""What Ray imports; they work with the tests' Python, which must be that of Debian 12."""
INFORMATION = ("jsonschema_specifications", "click", "jsonschema")
"""Distributions whose metadata are read."""
ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow", "/etc/subgid", "/etc/subuid")


def stubs(folder):
    """Write the stub wheels and their lock; return the lock's text and the wheels."""
    entry = b"[console_scripts]\nray = ray.scripts.scripts:main\n"
    launcher = write_wheel(folder, "launcher", "1.0", {"launcher-1.0.dist-info/entry_points.txt": entry})
    toolkit = write_wheel(folder, "diarize_runner", "0.2.0", {"stub.py": b""})
    return pinned(launcher), (launcher, toolkit)


@pytest.fixture(scope="module")
def lock(tmp_path_factory):
    """Return the lock, and the wheels that the host has."""
    folder = tmp_path_factory.mktemp("wheels")
    text, wheels = stubs(folder / "wheels")
    (folder / "requirements-ray.txt").write_text(text)
    return folder / "requirements-ray.txt", wheels


def apply(host, lock, *arguments, **variables):
    settings = {
        "ray_cluster_head_address": host.address,
        "ray_cluster_is_head": True,
        "ray_cluster_networks": [f"{host.address}/32"],
        "ray_cluster_package": f"/srv/wheels/{lock[1][1].name}",
        "ray_cluster_lock": str(lock[0]),
        "ray_cluster_wheels": "/srv/wheels",
        "ray_cluster_uv": "/srv/uv",
        "ray_cluster_device": "cpu",
    }
    return host.apply("ray_cluster", *arguments, **{**settings, **variables})


@pytest.fixture(scope="module")
def head(lock):
    """A host that is the head, and its files before; check mode changed nothing before."""
    require_hosts()
    with fresh_host() as host:
        _stock(host, lock[1])
        before = host.files()
        assert apply(host, lock, "--check").succeeded().changed > 0
        assert changes(before, host.files()) == []
        apply(host, lock).succeeded()
        yield host, before


def _stock(host, wheels):
    site = host.root / f"{RELEASE[1:]}/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    information = [path for name in INFORMATION for path in SITE.glob(f"{name}-*.dist-info")]
    subprocess.run(["cp", "--recursive", *(SITE / name for name in PACKAGES), *information, site], check=True)
    host.succeed(f"ln -sfn releases/one {HOME}/current")
    for wheel in wheels:
        host.put(f"/srv/wheels/{wheel.name}", wheel.read_bytes())
    host.put("/srv/uv", UV.read_bytes(), mode="0755")
    host.put(TOKEN, b"5" * 64, mode="0600")


def test_the_head_runs_as_its_user_with_the_token(head):
    host, _ = head
    assert host.succeed(f"systemctl is-active {UNIT}") == "active\n"
    assert host.succeed(f"stat --format='%U %G %a' {TOKEN}") == "root diarize-runner-ray 640\n"
    assert host.succeed("ps -o user:32= -C raylet,gcs_server | sort -u").split() == ["diarize-runner-ray"]


def test_no_other_user_can_connect(head):
    host, _ = head
    check = f"{HOME}/ray/current/bin/python -c \"import ray; ray.init('{host.address}:6379')\""
    refused = host.run(f"cd / && RAY_NUM_REDIS_GET_RETRIES=2 runuser -u nobody -- env HOME=/tmp {check}")
    assert refused.returncode != 0
    assert "InvalidAuthToken" in refused.stdout + refused.stderr


def test_a_second_run_changes_nothing_and_restarts_nothing(head, lock):
    host, _ = head
    started = host.succeed(f"systemctl show --property=MainPID {UNIT}")
    assert apply(host, lock).succeeded().changed == 0
    assert host.succeed(f"systemctl show --property=MainPID {UNIT}") == started


def test_the_unit_has_no_unknown_setting_and_a_low_exposure(head):
    host, _ = head
    assert host.succeed(f"systemd-analyze verify /etc/systemd/system/{UNIT}.service 2>&1") == ""
    exposure = host.run(f"systemd-analyze security --threshold=25 --no-pager {UNIT}.service")
    assert exposure.returncode == 0, exposure.stdout


def test_a_host_without_the_token_is_refused_before_anything_changes(head, lock):
    host, _ = head
    failure = apply(host, lock, ray_cluster_token_file="/etc/diarize-runner/other").failure
    assert "/etc/diarize-runner/other does not exist on the box" in failure


def test_a_reset_leaves_nothing_but_the_token(head, lock):
    host, before = head
    apply(host, lock, applied_tasks="reset").succeeded()
    found = changes(before, host.files())
    left = [path for path in found if path.rstrip("-") not in ACCOUNTS and "__pycache__" not in path]
    assert left == []
    assert apply(host, lock, applied_tasks="reset").succeeded().changed == 0
