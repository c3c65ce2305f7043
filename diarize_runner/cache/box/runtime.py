"""The environment in which a restored cache is used: offline, without a token, without telemetry.

One place says it: the engine applies it, and a restored cache carries it as `runtime.env` for units and shells.
"""

import shlex
from pathlib import Path

RUNTIME_ENV_NAME = "runtime.env"


def runtime_environment(hf_home: Path) -> dict[str, str]:
    """Return the variables, for a cache whose `huggingface/` folder is `hf_home`.

    huggingface_hub and pyannote.audio read theirs when they are imported, so they must be set before.
    """
    return {
        "HF_HOME": str(hf_home),
        "HF_HUB_CACHE": str(hf_home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "PYANNOTE_METRICS_ENABLED": "0",
    }


def render(environment: dict[str, str]) -> bytes:
    """Return the variables as lines that a shell and systemd's EnvironmentFile both read."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items()).encode()
