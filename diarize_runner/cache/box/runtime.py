"""The environment variables for a restored cache: offline, without a token, without telemetry.

The engine sets them, and a restored cache holds them in `runtime.env` for systemd units and shells.
"""

import shlex
from pathlib import Path

RUNTIME_ENV_NAME = "runtime.env"


def runtime_environment(hf_home: Path) -> dict[str, str]:
    """Return the variables for a cache whose `huggingface/` folder is `hf_home`.

    Set them before the import of huggingface_hub, pyannote.audio and onnxruntime, which read them then.
    """
    return {
        "HF_HOME": str(hf_home),
        "HF_HUB_CACHE": str(hf_home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "PYANNOTE_METRICS_ENABLED": "0",
        "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime 1.29 and newer send it: github.com/microsoft/onnxruntime/pull/27379
    }


def render(environment: dict[str, str]) -> bytes:
    """Return the variables as lines that a shell and systemd's EnvironmentFile both read."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items()).encode()
