"""The GPU and its driver, against what torch was built for."""

import re
from pathlib import Path

from diarize_runner.diarization.fence import fenced
from diarize_runner.errors import DeviceUnavailable, PipelineError

PROC = Path("/proc/driver/nvidia/version")
PCI = Path("/sys/bus/pci/devices")
_NVIDIA = "0x10de"
_DISPLAY = "0x03"
"""The PCI class of display controllers begins so."""
_LEAST_DRIVER = {"12": 525, "13": 580}
"""By CUDA: https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"""


def look_at_device(device: str) -> str:
    """Say which device `--device` means here.

    Raises:
        DeviceUnavailable: a GPU is in this box or was asked for, and cannot be used.
        PipelineError: torch cannot be imported.
    """
    try:
        with fenced():
            import torch
    except ImportError as reason:
        raise PipelineError(f"torch cannot be imported: {reason}") from reason
    driver = _driver()
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, driver {driver}, CUDA {torch.version.cuda}"
    if device == "cuda" or (device == "auto" and has_gpu()):
        raise _unavailable(driver, str(torch.version.cuda))
    return "cpu"


def has_gpu() -> bool:
    """Whether an NVIDIA GPU is on the PCI bus."""
    return any(
        _read(each / "vendor") == _NVIDIA and _read(each / "class").startswith(_DISPLAY) for each in PCI.glob("*")
    )


def _unavailable(driver: str, cuda: str) -> DeviceUnavailable:
    least = _LEAST_DRIVER.get(cuda.partition(".")[0], 0)
    hint = "run playbooks/provision.yml: its role gpu_driver says what is in the way; or diarize with --device cpu"
    if not has_gpu():
        return DeviceUnavailable("cuda was asked for, and no NVIDIA GPU is in this box", hint="use --device cpu")
    if not driver:
        return DeviceUnavailable("there is a GPU, and no NVIDIA driver is loaded", hint=hint)
    if int(driver.partition(".")[0]) < least:
        return DeviceUnavailable(f"driver {driver} is too old: CUDA {cuda} needs {least} or newer", hint=hint)
    return DeviceUnavailable(f"torch finds no CUDA device, though driver {driver} is loaded", hint=hint)


def _driver() -> str:
    """Return the version of the loaded driver; empty when there is none."""
    found = re.search(r"Kernel Module.*?  (\d[\d.]+)  ", _read(PROC))
    return found[1] if found else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
