"""Virtual environments of peers that need packages of their own: `.bench/whisperx` and `.bench/senko`."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LOCK = ROOT / "requirements/requirements-diarization.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerEnvironment:
    """A virtual environment under `.bench/`, created on the first use."""

    folder: Path
    packages: tuple[str, ...]
    """Pinned requirements."""
    options: tuple[str, ...] = ()
    """Of `uv pip install`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its processes."""

    def python(self) -> Path:
        """Return the environment's Python; install the packages if they are not complete, or were others."""
        complete, expected = self.folder / ".complete", "\n".join((*self.options, *self.packages))
        if not complete.exists() or complete.read_text(encoding="utf-8") != expected:
            _uv("venv", "--clear", self.folder, "--python", sys.executable)
            _uv("pip", "install", "--python", self.folder / "bin/python", *self.options, *self.packages)
            complete.write_text(expected, encoding="utf-8")
        return self.folder / "bin/python"


WHISPERX_ENVIRONMENT = PeerEnvironment(folder=ROOT / ".bench/whisperx", packages=("whisperx==3.8.6",))
"""7 GB: it needs a different version of torch."""
SENKO_ENVIRONMENT = PeerEnvironment(
    folder=ROOT / ".bench/senko",
    packages=(
        *("senko==0.2.2", "silero-vad==6.2.3", "hdbscan==0.8.44", "umap-learn==0.5.12", "pynndescent==0.7.0"),
        *("numba==0.68.1", "joblib==1.6.0", "soundfile==0.14.0"),
    ),
    options=("--constraints", str(_LOCK), "--no-binary", "senko"),
    variables={"HOME": str(ROOT / ".bench/senko/home")},
)
"""The same torch and numpy as ours. Build senko here, with gcc and cmake: the library in the wheel of 0.2.2 has
AVX-512 instructions, which end the process on other CPUs. Senko caches numba's compiled code in the home folder.
"""


def _uv(command: str, *arguments: str | Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, command, *arguments, "--quiet"], check=True)  # noqa: S603
