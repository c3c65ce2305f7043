"""Describe the machine and the software that a benchmark ran on."""

import importlib.metadata
import os
import platform
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diarize_runner.benchmark.gpu import Gpu, query_gpu
from diarize_runner.digests import hash_file
from diarize_runner.jobs.provenance import PACKAGES, TRANSCRIPTION_PACKAGES

_LOCK = Path(sys.prefix, "requirements.txt")
"""Written by the role python_env: the requirements that the environment was installed from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A machine and its software."""

    cpu: str
    cpu_count: int
    memory: int | None
    """Bytes."""
    threads: int
    """Of torch."""
    gpu: Gpu | None
    instance: str | None
    """The EC2 instance type."""
    system: str
    python: str
    packages: dict[str, str]
    """Version by distribution, of those that are installed."""
    lock: str | None
    """The digest of the requirements that the environment was installed from."""
    load_average: float | None
    """Of the minute before the run: 0 on an idle machine."""
    absent: dict[str, str]
    """The reason for each field that is None."""

    def to_dict(self) -> dict[str, object]:
        """Return the environment as JSON in a report."""
        return asdict(self)

    def with_instance(self, instance: str | None) -> "Environment":
        """Return a copy with the metadata service's answer, or None."""
        absent = {**self.absent, "instance": "no instance metadata service answered"}
        return replace(self, instance=instance, absent=_only_missing(absent, instance=instance))


def describe_environment(device: str) -> Environment:
    """Describe this machine; the diarizer runs on `device`."""
    import torch

    gpu = query_gpu(f"GPU-{torch.cuda.get_device_properties(0).uuid}") if device == "cuda" else "not used"
    memory, lock = _memory(), _lock()
    absent = {
        "memory": "/proc/meminfo has no MemTotal",
        "gpu": str(gpu),
        "instance": "not requested",
        "lock": f"the environment has no {_LOCK.name}",  # no path: reports are published
    }
    return Environment(
        cpu=_cpu_model(),
        cpu_count=os.cpu_count() or 1,
        memory=memory,
        threads=torch.get_num_threads(),
        gpu=gpu if isinstance(gpu, Gpu) else None,
        instance=None,
        system=platform.platform(),
        python=sys.version.split()[0],
        packages=_versions(),
        lock=lock,
        load_average=os.getloadavg()[0],
        absent=_only_missing(absent, memory=memory, gpu=gpu if isinstance(gpu, Gpu) else None, lock=lock),
    )


def device_name(device: str) -> str:
    """Return a device's name in a report: `cpu`, or the GPU's name."""
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else device


def _only_missing(absent: dict[str, str], **found: object) -> dict[str, str]:
    return {name: why for name, why in absent.items() if found.get(name) is None}


def _versions() -> dict[str, str]:
    versions = {}
    for name in dict.fromkeys((*PACKAGES, *TRANSCRIPTION_PACKAGES)):
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _cpu_model() -> str:
    names = _proc_values("/proc/cpuinfo", "model name")
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> int | None:
    sizes = _proc_values("/proc/meminfo", "MemTotal")
    return int(sizes[0].split()[0]) * 1024 if sizes else None


def _proc_values(path: str, name: str) -> list[str]:
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]


def _lock() -> str | None:
    return str(hash_file(_LOCK).digest) if _LOCK.is_file() else None
