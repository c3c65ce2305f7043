"""The doctor tells good from drift from broken, and says what to run."""

import importlib.metadata
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from support.caches import Site

from diarize_runner.doctor import device, host
from diarize_runner.doctor.cache import look_at_cache
from diarize_runner.doctor.check import Drift, State, checked
from diarize_runner.doctor.device import look_at_device
from diarize_runner.doctor.diagnosis import Diagnosis, examine
from diarize_runner.doctor.host import look_at_disk, look_at_guard, look_for_tokens
from diarize_runner.doctor.packages import look_at_packages
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError, IntegrityError
from diarize_runner.progress import Silent


def raising(error):
    def look():
        raise error

    return look


@pytest.mark.parametrize(
    ("look", "state"),
    [
        (lambda: "fine", State.GOOD),
        (raising(Drift("odd", hint="do this")), State.DRIFT),
        (raising(IntegrityError("bad", hint="do that")), State.BROKEN),
    ],
)
def test_a_check_says_how_bad_it_is(look, state):
    assert checked("x", look).state is state


def test_what_is_wrong_without_a_hint_is_mended_by_provisioning():
    assert checked("x", raising(DiarizeRunnerError("bad"))).hint == "run playbooks/provision.yml on this box again"


def test_a_diagnosis_is_as_bad_as_its_worst_check():
    found = [checked(str(n), look) for n, look in enumerate([lambda: "", raising(Drift("odd")), lambda: ""])]

    assert Diagnosis(checks=tuple(found)).to_dict() | {"checks": []} == {"ok": False, "state": "drift", "checks": []}
    assert Diagnosis(checks=(*found, checked("y", raising(DiarizeRunnerError("z"))))).state is State.BROKEN


@pytest.fixture
def environment(tmp_path):
    """A folder with locks of everything that is installed here."""
    pins = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    pins = {
        name: version for name, version in pins.items() if name.lower() not in ("pip", "setuptools", "diarize-runner")
    }
    lines = [f"{name}=={version} \\\n    --hash=sha256:{'0' * 64}" for name, version in pins.items()]
    (tmp_path / "requirements.txt").write_text("# a comment\n" + "\n".join(lines) + "\n")
    return tmp_path


def edit(environment, was, becomes):
    lock = environment / "requirements.txt"
    text = lock.read_text()
    assert was in text
    lock.write_text(text.replace(was, becomes))


def test_an_environment_as_locked_is_good(environment):
    assert look_at_packages(environment).endswith(" as locked")


def test_a_package_for_another_python_need_not_be_installed(environment):
    edit(environment, "# a comment", 'made-up==1.0 ; python_version < "3.0" \\\n    --hash=sha256:0')

    assert look_at_packages(environment).endswith(" as locked")


def test_another_version_is_drift_and_named(environment):
    edit(environment, f"torch=={torch.__version__.partition('+')[0]} ", "torch==1.0 ")

    with pytest.raises(Drift, match=r"^not as locked: torch 2\.\S+ \(locked: 1\.0\)$"):
        look_at_packages(environment)


def test_a_package_that_nobody_locked_is_drift_and_named(environment):
    edit(environment, "pytest==", "pytest-of-another-name==")
    (environment / "installer.txt").write_text("")

    with pytest.raises(DiarizeRunnerError, match=r"^not installed: pytest-of-another-name$"):
        look_at_packages(environment)
    edit(environment, f"pytest-of-another-name=={pytest.__version__} \\\n", "# \n")
    with pytest.raises(Drift, match=r"^not as locked: pytest$"):
        look_at_packages(environment)


def test_many_missing_packages_are_counted(environment):
    (environment / "requirements.txt").write_text("".join(f"missing-{n}==1\n" for n in range(9)))

    with pytest.raises(DiarizeRunnerError, match=r"^not installed: missing-0, .*missing-4 and 4 more$"):
        look_at_packages(environment)


def test_an_environment_without_a_lock_says_so(tmp_path):
    assert f"no lock lies in {tmp_path}" in look_at_packages(tmp_path)


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_in_the_environment_is_drift_and_not_shown(name, tmp_path, monkeypatch):
    monkeypatch.setenv(name, "hf_planted")

    with pytest.raises(Drift) as found:
        look_for_tokens(tmp_path)

    assert name in found.value.message
    assert "hf_planted" not in found.value.message + found.value.hint


def test_a_token_file_is_drift(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert look_for_tokens(tmp_path / "cache") == "none here, none needed"
    (tmp_path / ".cache/huggingface").mkdir(parents=True)
    (tmp_path / ".cache/huggingface/token").write_text("hf_planted")

    with pytest.raises(Drift, match=r"\.cache/huggingface/token$"):
        look_for_tokens(tmp_path / "cache")


@pytest.mark.parametrize(("free", "state"), [(host.ROOM, State.GOOD), (host.ROOM - 1, State.DRIFT)])
def test_a_disk_that_is_nearly_full_is_drift(free, state, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))

    assert checked("disk", lambda: look_at_disk(tmp_path / "not" / "there")).state is state


def test_the_guard_refuses_a_connection():
    assert look_at_guard() == "a connection attempt was refused"


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """Return what puts a GPU, and a driver of a version, into this box, as the kernel would show them."""
    monkeypatch.setattr(device, "PROC", tmp_path / "version")
    monkeypatch.setattr(device, "PCI", tmp_path / "pci")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")

    def put(driver=""):
        (tmp_path / "pci/0000:00:1e.0").mkdir(parents=True)
        (tmp_path / "pci/0000:00:1e.0/vendor").write_text("0x10de\n")
        (tmp_path / "pci/0000:00:1e.0/class").write_text("0x030200\n")
        if driver:
            module = f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {driver}  Release Build\n"
            (tmp_path / "version").write_text(module)

    return put


def test_a_box_without_a_gpu_is_a_cpu_box(gpu):
    assert look_at_device("auto") == look_at_device("cpu") == "cpu"


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(gpu):
    with pytest.raises(DeviceUnavailable, match=r"no NVIDIA GPU is in this box$"):
        look_at_device("cuda")


@pytest.mark.parametrize(
    ("driver", "said"),
    {
        "": "there is a GPU, and no NVIDIA driver is loaded",
        "575.57.08": "driver 575.57.08 is too old: CUDA 13.0 needs 580 or newer",
        "580.95.05": "torch finds no CUDA device, though driver 580.95.05 is loaded",
    }.items(),
)
def test_a_gpu_that_cannot_be_used_is_never_passed_over_in_silence(driver, said, gpu):
    gpu(driver)

    for asked in ("auto", "cuda"):
        with pytest.raises(DeviceUnavailable) as refusal:
            look_at_device(asked)
        assert refusal.value.message == said
        assert "gpu_driver" in refusal.value.hint
    assert look_at_device("cpu") == "cpu"


def test_the_doctor_asks_for_the_driver_that_the_role_installs():
    vars_file = Path(__file__).parents[3] / "roles/gpu_driver/vars/main.yml"

    assert yaml.safe_load(vars_file.read_text())["__gpu_driver_minimums"] == device._LEAST_DRIVER


def test_a_damaged_cache_is_broken_and_the_other_checks_are_made_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    site = Site(folder=tmp_path / "site")
    site.publish("1.0")
    cache = site.restore("1.0").cache
    next(cache.root.glob("huggingface/hub/*/blobs/*")).unlink()

    found = {check.name: check for check in examine(site.box.root, "cpu", Silent()).checks}

    assert found["cache"].state is State.BROKEN
    assert "--repair" in found["cache"].hint
    assert list(found) == ["packages", "cache", "token", "disk", "offline guard", "device"]


def test_a_cache_that_others_can_write_to_is_broken(tmp_path):
    site = Site(folder=tmp_path)
    site.publish()
    site.restore()
    assert look_at_cache(site.box.root, Silent()).manifest.name == "tiny"
    (site.box.root / "versions").chmod(0o777)

    found = checked("cache", lambda: str(look_at_cache(site.box.root, Silent())))

    assert found.state is State.BROKEN
    assert found.detail.endswith("versions can be written by others, who could change the models")
