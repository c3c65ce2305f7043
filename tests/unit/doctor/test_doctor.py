"""The doctor reports good, drift or broken, and hints what to run."""

import importlib.metadata
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from support.caches import Site

from diarize_runner.diarization import wsl
from diarize_runner.doctor import device, host
from diarize_runner.doctor.cache import check_cache
from diarize_runner.doctor.check import Drift, State, run_check
from diarize_runner.doctor.device import check_device
from diarize_runner.doctor.diagnosis import Diagnosis, examine
from diarize_runner.doctor.host import check_disk, check_offline_guard, check_tokens
from diarize_runner.doctor.packages import check_packages
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError, IntegrityError
from diarize_runner.progress import NoProgress


def raising(error):
    def check():
        raise error

    return check


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (lambda: "fine", State.GOOD),
        (raising(Drift("odd", hint="do this")), State.DRIFT),
        (raising(IntegrityError("bad", hint="do that")), State.BROKEN),
    ],
)
def test_a_check_is_good_drift_or_broken(check, state):
    assert run_check("x", check).state is state


def test_the_default_hint_is_to_provision():
    assert run_check("x", raising(DiarizeRunnerError("bad"))).hint == "run playbooks/provision.yml on this box again"


def test_a_diagnosis_is_as_bad_as_its_worst_check():
    checks = [run_check(str(n), check) for n, check in enumerate([lambda: "", raising(Drift("odd")), lambda: ""])]

    assert Diagnosis(checks=tuple(checks)).to_dict() | {"checks": []} == {"ok": False, "state": "drift", "checks": []}
    assert Diagnosis(checks=(*checks, run_check("y", raising(DiarizeRunnerError("z"))))).state is State.BROKEN


@pytest.fixture
def environment(tmp_path):
    """A folder with a lock file of the installed packages."""
    pins = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    pins = {
        name: version for name, version in pins.items() if name.lower() not in ("pip", "setuptools", "diarize-runner")
    }
    lines = [f"{name}=={version} \\\n    --hash=sha256:{'0' * 64}" for name, version in pins.items()]
    (tmp_path / "requirements.txt").write_text("# a comment\n" + "\n".join(lines) + "\n")
    return tmp_path


def edit(environment, old, new):
    lock = environment / "requirements.txt"
    text = lock.read_text()
    assert old in text
    lock.write_text(text.replace(old, new))


def test_an_environment_that_matches_the_lock_is_good(environment):
    assert check_packages(environment).endswith(" packages match the lock")


def test_a_package_for_another_python_need_not_be_installed(environment):
    edit(environment, "# a comment", 'made-up==1.0 ; python_version < "3.0" \\\n    --hash=sha256:0')

    assert check_packages(environment).endswith(" packages match the lock")


def test_another_version_than_the_lock_s_is_drift(environment):
    edit(environment, f"torch=={torch.__version__.partition('+')[0]} ", "torch==1.0 ")

    with pytest.raises(Drift, match=r"^packages differ from the lock: torch 2\.\S+ \(locked: 1\.0\)$"):
        check_packages(environment)


def test_a_package_that_is_in_no_lock_is_drift(environment):
    edit(environment, "pytest==", "pytest-of-another-name==")
    (environment / "installer.txt").write_text("")

    with pytest.raises(DiarizeRunnerError, match=r"^not installed: pytest-of-another-name$"):
        check_packages(environment)
    edit(environment, f"pytest-of-another-name=={pytest.__version__} \\\n", "# \n")
    with pytest.raises(Drift, match=r"^packages differ from the lock: pytest \(not locked\)$"):
        check_packages(environment)


def test_a_long_list_of_missing_packages_is_shortened(environment):
    (environment / "requirements.txt").write_text("".join(f"missing-{n}==1\n" for n in range(9)))

    with pytest.raises(DiarizeRunnerError, match=r"^not installed: missing-0, .*missing-4 and 4 more$"):
        check_packages(environment)


def test_an_environment_without_a_lock_is_reported(tmp_path):
    assert f"no lock file in {tmp_path}" in check_packages(tmp_path)


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_in_the_environment_is_drift_and_not_printed(name, tmp_path, monkeypatch):
    monkeypatch.setenv(name, "hf_planted")

    with pytest.raises(Drift) as drift:
        check_tokens(tmp_path)

    assert name in drift.value.message
    assert "hf_planted" not in drift.value.message + drift.value.hint


def test_a_token_file_is_drift(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert check_tokens(tmp_path / "cache") == "no Hugging Face token found, none needed"
    (tmp_path / ".cache/huggingface").mkdir(parents=True)
    (tmp_path / ".cache/huggingface/token").write_text("hf_planted")

    with pytest.raises(Drift, match=r"\.cache/huggingface/token$"):
        check_tokens(tmp_path / "cache")


@pytest.mark.parametrize(("free", "state"), [(host.MIN_FREE_BYTES, State.GOOD), (host.MIN_FREE_BYTES - 1, State.DRIFT)])
def test_a_nearly_full_disk_is_drift(free, state, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))

    assert run_check("disk", lambda: check_disk(tmp_path / "not" / "there")).state is state


def test_the_guard_blocks_a_connection():
    assert check_offline_guard() == "blocks connections"


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """Return a function that simulates a GPU, and a driver of a version, in /sys and /proc."""
    monkeypatch.setattr(device, "DRIVER_VERSION_FILE", tmp_path / "version")
    monkeypatch.setattr(device, "PCI_DEVICES", tmp_path / "pci")
    monkeypatch.setattr(device, "CONTROL_DEVICE", tmp_path / "CONTROL_DEVICE")
    monkeypatch.setattr(wsl, "DEVICE", tmp_path / "WSL_DEVICE")
    monkeypatch.setattr(wsl, "DRIVER", tmp_path / "WSL_DRIVER")
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


def test_without_a_gpu_the_device_is_cpu(gpu):
    assert check_device("auto") == check_device("cpu") == "cpu"


def test_device_cuda_without_a_gpu_is_an_error(gpu):
    with pytest.raises(DeviceUnavailable, match=r"^this box has no NVIDIA GPU, as --device cuda requires$"):
        check_device("cuda")


@pytest.mark.parametrize(
    ("driver", "message"),
    {
        "": "this box has a GPU, but no NVIDIA driver is loaded",
        "575.57.08": "driver 575.57.08 is too old: CUDA 13.0 needs 580 or newer",
        "580.95.05": "driver 580.95.05 is loaded, but torch finds no CUDA device",
    }.items(),
)
def test_an_unusable_gpu_is_an_error_unless_the_device_is_cpu(driver, message, gpu, tmp_path):
    gpu(driver)
    (tmp_path / "CONTROL_DEVICE").touch()

    for option in ("auto", "cuda"):
        with pytest.raises(DeviceUnavailable) as error:
            check_device(option)
        assert error.value.message == message
        assert "gpu_driver" in error.value.hint
    assert check_device("cpu") == "cpu"


def unavailable(option):
    with pytest.raises(DeviceUnavailable) as error:
        check_device(option)
    return error.value


def test_a_container_that_was_given_no_gpu_is_told_how_to_get_one(gpu, tmp_path):
    gpu("580.95.05")

    error = unavailable("auto")

    assert error.message == f"driver 580.95.05 is loaded, but {tmp_path}/CONTROL_DEVICE is missing"
    assert "nvidia.com/gpu: 1" in error.hint


def test_wsl_without_a_driver_in_windows_is_cpu_and_an_error_for_cuda(gpu, tmp_path):
    (tmp_path / "WSL_DEVICE").touch()

    assert check_device("auto") == "cpu"
    error = unavailable("cuda")

    assert error.message == f"this is WSL2, but {tmp_path}/WSL_DRIVER is missing"
    assert error.hint.startswith("install NVIDIA's driver in Windows")


@pytest.mark.parametrize("option", ["auto", "cuda"])
def test_wsl_with_a_driver_that_torch_does_not_find_names_its_folder(gpu, tmp_path, option):
    for name in ("WSL_DEVICE", "WSL_DRIVER"):
        (tmp_path / name).touch()

    error = unavailable(option)

    assert error.message == "this is WSL2, but torch finds no CUDA device"
    assert error.hint.startswith(f"export LD_LIBRARY_PATH={tmp_path}; ")


@pytest.fixture
def working_gpu(gpu, monkeypatch):
    """A GPU that torch finds."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91900)


def test_the_driver_of_a_gpu_under_wsl_is_that_of_windows(working_gpu, tmp_path):
    (tmp_path / "WSL_DEVICE").touch()

    assert check_device("auto") == "Tesla T4, driver of Windows, CUDA 13.0"


def test_another_cudnn_in_the_way_is_an_error(working_gpu, monkeypatch):
    def refuse():
        raise RuntimeError("cuDNN version incompatibility: PyTorch was compiled against (9, 19, 0). One option")

    monkeypatch.setattr(torch.backends.cudnn, "version", refuse)

    error = unavailable("auto")

    assert error.message.endswith(
        "cannot be used: cuDNN version incompatibility: PyTorch was compiled against (9, 19, 0)"
    )
    assert error.hint.startswith("unset LD_LIBRARY_PATH")


def test_the_doctor_and_the_role_require_the_same_driver():
    vars_file = Path(__file__).parents[3] / "roles/gpu_driver/vars/main.yml"

    assert yaml.safe_load(vars_file.read_text())["__gpu_driver_minimums"] == device._MIN_DRIVER


def test_all_checks_run_when_the_cache_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    site = Site(folder=tmp_path / "site")
    site.publish("1.0")
    cache = site.restore("1.0").cache
    next(cache.root.glob("huggingface/hub/*/blobs/*")).unlink()

    checks = {check.name: check for check in examine(site.box.root, "cpu", NoProgress()).checks}

    assert checks["cache"].state is State.BROKEN
    assert "--repair" in checks["cache"].hint
    assert list(checks) == ["packages", "images", "cache", "token", "disk", "offline guard", "device", "transcription"]


def test_a_cache_that_other_users_can_write_to_is_broken(tmp_path):
    site = Site(folder=tmp_path)
    site.publish()
    site.restore()
    assert check_cache(site.box.root, NoProgress()).manifest.name == "tiny"
    (site.box.root / "versions").chmod(0o777)

    check = run_check("cache", lambda: str(check_cache(site.box.root, NoProgress())))

    assert check.state is State.BROKEN
    assert check.detail.endswith("versions is writable by other users, who could change the models")
