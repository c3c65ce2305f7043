"""Check the GPU and its driver against the CUDA version of torch."""

import re
from collections.abc import Callable
from pathlib import Path

from diarize_runner.diarization import wsl
from diarize_runner.diarization.isolation import isolated_directories
from diarize_runner.errors import DeviceUnavailable, PipelineError

DRIVER_VERSION_FILE = Path("/proc/driver/nvidia/version")
PCI_DEVICES = Path("/sys/bus/pci/devices")
CONTROL_DEVICE = Path("/dev/nvidiactl")
"""Through it every process reaches the driver; a container has it only if it was given a GPU."""
_NVIDIA = "0x10de"
_DISPLAY = "0x03"
"""Prefix of the PCI class of display controllers."""
_MIN_DRIVER = {"12": 525, "13": 580}
"""By CUDA major version: https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"""


def check_device(device: str) -> str:
    """Describe the device that `--device` selects.

    Raises:
        DeviceUnavailable: the box has a GPU, or `device` is cuda, and the GPU or cuDNN cannot be used.
        PipelineError: torch cannot be imported.
    """
    try:
        with isolated_directories():
            import torch
    except ImportError as reason:
        raise PipelineError(f"torch cannot be imported: {reason}") from reason
    driver = _driver()
    if device != "cpu":
        wsl.load_driver()
    if torch.cuda.is_available():
        _require_cudnn(torch.backends.cudnn.version)
        shown = driver or ("of Windows" if wsl.DEVICE.exists() else "unknown")
        return f"{torch.cuda.get_device_name()}, driver {shown}, CUDA {torch.version.cuda}"
    if device == "cuda" or (device == "auto" and has_gpu()):
        raise _unavailable_in_wsl() if wsl.DEVICE.exists() else _unavailable(driver, str(torch.version.cuda))
    return "cpu"


def has_gpu() -> bool:
    """Whether an NVIDIA GPU is on the PCI bus, or one of Windows has a driver."""
    return (wsl.DEVICE.exists() and wsl.DRIVER.exists()) or any(
        _read(each / "vendor") == _NVIDIA and _read(each / "class").startswith(_DISPLAY)
        for each in PCI_DEVICES.glob("*")
    )


def _unavailable(driver: str, cuda: str) -> DeviceUnavailable:
    minimum = _MIN_DRIVER.get(cuda.partition(".")[0], 0)
    hint = "run playbooks/provision.yml: its role gpu_driver reports the cause; or use --device cpu"
    if not has_gpu():
        return DeviceUnavailable("this box has no NVIDIA GPU, as --device cuda requires", hint="use --device cpu")
    if not driver:
        return DeviceUnavailable("this box has a GPU, but no NVIDIA driver is loaded", hint=hint)
    if int(driver.partition(".")[0]) < minimum:
        return DeviceUnavailable(f"driver {driver} is too old: CUDA {cuda} needs {minimum} or newer", hint=hint)
    if not CONTROL_DEVICE.exists():
        hint = "give the container the GPU: docker run --gpus all, or nvidia.com/gpu: 1 in the limits of a pod"
        return DeviceUnavailable(f"driver {driver} is loaded, but {CONTROL_DEVICE} is missing", hint=hint)
    return DeviceUnavailable(f"driver {driver} is loaded, but torch finds no CUDA device", hint=hint)


def _unavailable_in_wsl() -> DeviceUnavailable:
    if not wsl.DRIVER.exists():
        hint = "install NVIDIA's driver in Windows, not in Linux, then run in Windows: wsl --shutdown"
        return DeviceUnavailable(f"this is WSL2, but {wsl.DRIVER} is missing", hint=hint)
    hint = f"export LD_LIBRARY_PATH={wsl.DRIVER.parent}; if it still fails, update NVIDIA's driver in Windows"
    return DeviceUnavailable("this is WSL2, but torch finds no CUDA device", hint=hint)


def _require_cudnn(version: Callable[[], object]) -> None:
    """Raise DeviceUnavailable if torch finds another cuDNN than the one in its packages, which `version` reports."""
    try:
        version()
    except RuntimeError as reason:
        hint = f"unset LD_LIBRARY_PATH, or under WSL2 set it to {wsl.DRIVER.parent}: the packages hold their own cuDNN"
        raise DeviceUnavailable(f"cuDNN cannot be used: {str(reason).partition('. ')[0]}", hint=hint) from reason


def _driver() -> str:
    """Return the version of the loaded driver, or an empty string."""
    match = re.search(r"Kernel Module.*?  (\d[\d.]+)  ", _read(DRIVER_VERSION_FILE))
    return match[1] if match else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
