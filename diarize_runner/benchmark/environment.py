"""What a benchmark ran on: without it a number says nothing."""

import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from diarize_runner.benchmark.gpu import Gpu, look_at_gpu
from diarize_runner.digests import content_of_file
from diarize_runner.jobs.provenance import PACKAGES

_LOCK = Path(sys.prefix, "requirements.txt")
"""Where the role python_env leaves what an environment was made from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A machine and its software."""

    cpu: str
    cpu_count: int
    memory: int | None
    """Bytes."""
    threads: int
    """That torch computes with."""
    gpu: Gpu | None
    instance: str | None
    """The EC2 instance type."""
    system: str
    python: str
    packages: dict[str, str]
    """Version by distribution."""
    lock: str | None
    """The digest of the requirements that the environment was made from."""
    load_average: float | None
    """Of the minute before: 0 on a machine that does nothing else."""
    absent: dict[str, str]
    """Why, of each of these that is None."""

    def to_dict(self) -> dict[str, object]:
        """Return the environment as a report writes it."""
        return asdict(self)

    def with_instance(self, instance: str | None) -> "Environment":
        """Return the same, once the metadata service was asked."""
        absent = {**self.absent, "instance": "no instance metadata service answered"}
        return replace(self, instance=instance, absent=_without_what_is_there(absent, instance=instance))


def environment(device: str) -> Environment:
    """Describe this machine; `device` is what the diarizer runs on."""
    import torch

    gpu = look_at_gpu(f"GPU-{torch.cuda.get_device_properties(0).uuid}") if device == "cuda" else "not used"
    memory, lock = _memory(), _lock()
    absent = {
        "memory": "/proc/meminfo does not say",
        "gpu": str(gpu),
        "instance": "not asked for",
        "lock": f"the environment has no {_LOCK.name}",  # not where: a report goes to others
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
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        lock=lock,
        load_average=os.getloadavg()[0],
        absent=_without_what_is_there(absent, memory=memory, gpu=gpu if isinstance(gpu, Gpu) else None, lock=lock),
    )


def device_name(device: str) -> str:
    """Return what a report calls a device: `cpu`, or the GPU's name."""
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else device


def _without_what_is_there(absent: dict[str, str], **found: object) -> dict[str, str]:
    return {name: why for name, why in absent.items() if found.get(name) is None}


def _cpu_model() -> str:
    names = _said_in("/proc/cpuinfo", "model name")
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> int | None:
    sizes = _said_in("/proc/meminfo", "MemTotal")
    return int(sizes[0].split()[0]) * 1024 if sizes else None


def _said_in(path: str, name: str) -> list[str]:
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]


def _lock() -> str | None:
    return str(content_of_file(_LOCK).digest) if _LOCK.is_file() else None
