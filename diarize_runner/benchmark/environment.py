"""What a benchmark ran on: without it a number says nothing."""

import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

PACKAGES = ("torch", "torchaudio", "pyannote.audio", "numpy", "av", "diarize-runner")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A machine and its software."""

    cpu: str
    cpu_count: int
    device: str
    """`cpu`, or the GPU's name."""
    threads: int
    """That torch computes with."""
    system: str
    python: str
    packages: dict[str, str]
    """Version by distribution."""

    def to_dict(self) -> dict[str, object]:
        """Return the environment as a report writes it."""
        return asdict(self)


def environment(device: str) -> Environment:
    """Describe this machine; `device` is what the diarizer runs on."""
    import torch

    return Environment(
        cpu=_cpu_model(),
        cpu_count=os.cpu_count() or 1,
        device=torch.cuda.get_device_name() if device == "cuda" else device,
        threads=torch.get_num_threads(),
        system=platform.platform(),
        python=sys.version.split()[0],
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
    )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
