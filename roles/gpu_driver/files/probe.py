#!/usr/bin/env python3
"""Print the state of the box's GPU driver as JSON. Changes nothing.

Arguments: the path of sysfs, the lowest driver branch that suffices, the systems on which DKMS compiles the module.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NVIDIA = "0x10de"
GPU_CLASSES = ("0x0300", "0x0302")  # PCI device classes: VGA controller, 3D controller
SECURE_BOOT = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MISMATCH = "Driver/library version mismatch"
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


@dataclass(frozen=True)
class NvidiaSmi:
    """The result of nvidia-smi."""

    exit_code: int
    output: str


@dataclass(frozen=True)
class Probe:
    """The facts that decide the state of the driver."""

    has_gpu: bool
    loaded: str
    """The version of the loaded module; empty if none is loaded."""
    nvidia_smi: NvidiaSmi | None
    """None if nvidia-smi is not installed."""
    has_secure_boot: bool
    is_compiled: bool
    """Whether the module was or would be compiled on this box. If so, the kernel trusts no signature on it."""


def classify(probe: Probe, minimum: int) -> tuple[str, str]:
    """Return the state and a description of it."""
    if not probe.has_gpu:
        return "no_gpu", "no NVIDIA GPU"
    if not probe.loaded and probe.has_secure_boot and probe.is_compiled:
        return "blocked_by_secure_boot", "an NVIDIA GPU, and Secure Boot, which loads no module that is compiled here"
    if not probe.loaded or not probe.nvidia_smi:
        return "no_driver", "an NVIDIA GPU without a driver"
    if MISMATCH in probe.nvidia_smi.output:
        return "reboot_due", f"driver {probe.loaded} is loaded, but the disk has another version"
    if probe.nvidia_smi.exit_code:
        return "failing", f"driver {probe.loaded} is loaded, but nvidia-smi fails: {probe.nvidia_smi.output}"
    gpus = f"{', '.join(probe.nvidia_smi.output.splitlines())}, driver {probe.loaded}"
    return ("good" if int(probe.loaded.split(".")[0]) >= minimum else "too_old"), gpus


def probe_box(sysfs: Path, compiled_on: list[str]) -> Probe:
    """Read the state of the GPU and its driver."""
    return Probe(
        has_gpu=any(is_gpu(device) for device in (sysfs / "bus/pci/devices").glob("*")),
        loaded=read_text(sysfs / "module/nvidia/version"),
        nvidia_smi=run_nvidia_smi(),
        has_secure_boot=is_set(sysfs / SECURE_BOOT),
        is_compiled=any(Path("/lib/modules", platform.release(), "updates/dkms").glob("nvidia.ko*"))
        or (not shutil.which("nvidia-smi") and system() in compiled_on),
    )


def is_gpu(device: Path) -> bool:
    """Whether a PCI device is an NVIDIA GPU."""
    return read_text(device / "vendor") == NVIDIA and read_text(device / "class").startswith(GPU_CLASSES)


def run_nvidia_smi() -> NvidiaSmi | None:
    """List the names of the GPUs with nvidia-smi."""
    if not shutil.which("nvidia-smi"):
        return None
    done = run("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return NvidiaSmi(exit_code=done.returncode, output=(done.stdout + done.stderr).strip())


def is_set(variable: Path) -> bool:
    """Whether an EFI variable exists and is 1; its value follows four bytes of attributes."""
    return variable.exists() and variable.read_bytes()[4:] == b"\x01"


def manager() -> str:
    """Return what manages the driver: `dpkg`, also if there is no driver, or something else."""
    if Path("/opt/dlami").exists():
        return "the AWS Deep Learning AMI"
    command = shutil.which("nvidia-smi")
    if command and run("dpkg", "--search", str(Path(command).resolve())).returncode:
        return "an installer other than dpkg"
    return "dpkg"


def system() -> str:
    """Return the distribution and its release, such as `ubuntu-24.04`."""
    release = platform.freedesktop_os_release()
    return f"{release['ID']}-{release.get('VERSION_ID', 'rolling')}"


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a read-only command without the caller's secrets."""
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def read_text(path: Path) -> str:
    """Return the stripped content of a file; empty if it does not exist."""
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


if __name__ == "__main__":
    state, detail = classify(probe_box(Path(sys.argv[1]), sys.argv[3].split(",")), int(sys.argv[2]))
    found = {"state": state, "detail": detail, "manager": manager(), "system": system(), "kernel": platform.release()}
    json.dump(found, sys.stdout)
