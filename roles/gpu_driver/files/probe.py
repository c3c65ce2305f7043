#!/usr/bin/env python3
"""Say in which state the box's GPU driver is, by reads alone.

Told where sysfs is, the lowest driver branch that will do, and the systems on which the module is compiled (DKMS).
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
GPUS = ("0x0300", "0x0302")  # the classes of PCI devices that draw, and that compute without drawing
SECURE_BOOT = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MISMATCH = "Driver/library version mismatch"
NEEDED = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")  # of the environment, by the commands that are run here


@dataclass(frozen=True)
class Answer:
    """What came of nvidia-smi."""

    exit_code: int
    said: str


@dataclass(frozen=True)
class Box:
    """What there is to read."""

    gpu: bool
    loaded: str
    """The version of the module that is loaded, if one is."""
    answer: Answer | None
    """None without nvidia-smi."""
    secure_boot: bool
    compiled: bool
    """Whether the module, there or still to come, is compiled here, so that nobody the kernel trusts has signed it."""


def judge(box: Box, minimum: int) -> tuple[str, str]:
    """Return the state, and what there is to say of it."""
    if not box.gpu:
        return "no_gpu", "no NVIDIA GPU"
    if not box.loaded and box.secure_boot and box.compiled:
        return "blocked_by_secure_boot", "an NVIDIA GPU, and Secure Boot, which loads no module that is compiled here"
    if not box.loaded or not box.answer:
        return "no_driver", "an NVIDIA GPU without a driver"
    if MISMATCH in box.answer.said:
        return "reboot_due", f"driver {box.loaded} is loaded, and another is on the disk"
    if box.answer.exit_code:
        return "failing", f"driver {box.loaded} is loaded, and nvidia-smi says: {box.answer.said}"
    gpus = f"{', '.join(box.answer.said.splitlines())}, driver {box.loaded}"
    return ("good" if int(box.loaded.split(".")[0]) >= minimum else "too_old"), gpus


def look(sysfs: Path, compiled_on: list[str]) -> Box:
    """Read all there is to read."""
    return Box(
        gpu=any(is_gpu(device) for device in (sysfs / "bus/pci/devices").glob("*")),
        loaded=text(sysfs / "module/nvidia/version"),
        answer=ask(),
        secure_boot=secure_boot(sysfs / SECURE_BOOT),
        compiled=any(Path("/lib/modules", platform.release(), "updates/dkms").glob("nvidia.ko*"))
        or (not shutil.which("nvidia-smi") and system() in compiled_on),
    )


def is_gpu(device: Path) -> bool:
    """Whether a PCI device is a GPU of NVIDIA's, driver or not."""
    return text(device / "vendor") == NVIDIA and text(device / "class").startswith(GPUS)


def ask() -> Answer | None:
    """Ask nvidia-smi for the names of the GPUs; it fails in its own way where the driver is not as it should be."""
    if not shutil.which("nvidia-smi"):
        return None
    done = run("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return Answer(exit_code=done.returncode, said=(done.stdout + done.stderr).strip())


def secure_boot(variable: Path) -> bool:
    """Whether the firmware's variable is there and set; its value follows four bytes of attributes."""
    return variable.exists() and variable.read_bytes()[4:] == b"\x01"


def manager() -> str:
    """Return who looks after the driver: dpkg, also where there is none yet, or somebody else."""
    if Path("/opt/dlami").exists():
        return "the AWS Deep Learning AMI"
    command = shutil.which("nvidia-smi")
    if command and run("dpkg", "--search", str(Path(command).resolve())).returncode:
        return "whoever installed it without dpkg"
    return "dpkg"


def system() -> str:
    """Return the distribution and its release, as in `ubuntu-24.04`."""
    release = platform.freedesktop_os_release()
    return f"{release['ID']}-{release.get('VERSION_ID', 'rolling')}"


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that changes nothing."""
    environment = {name: os.environ[name] for name in NEEDED if name in os.environ}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def text(path: Path) -> str:
    """Return what a small file holds; nothing where there is none."""
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


if __name__ == "__main__":
    box = look(Path(sys.argv[1]), sys.argv[3].split(","))
    state, detail = judge(box, int(sys.argv[2]))
    found = {"state": state, "detail": detail, "manager": manager(), "system": system(), "kernel": platform.release()}
    json.dump(found, sys.stdout)
