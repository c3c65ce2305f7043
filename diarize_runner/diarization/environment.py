"""The environment variables that libraries read while a pipeline loads and runs.

Our own processes set them permanently (`set_offline_environment`). In a caller's process they are set temporarily, then
the caller's values are restored: its token, its Hub cache, its offline mode.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.shared_context import SharedContext

_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_METRICS = "PYANNOTE_METRICS_ENABLED"
_environment_lock = threading.RLock()
"""The environment, home and working folder are shared by all threads of the process."""


def set_offline_environment(cache: VerifiedCache) -> None:
    """Set the offline environment of `cache` permanently, and remove any token."""
    _set_variables(_environment(cache))


@contextmanager
def offline_environment(cache: VerifiedCache) -> Iterator[None]:
    """Set the offline environment without a token for the block; loads in other threads wait."""
    # This module keeps the values of its first import, which must be the caller's. The guard applies anyway.
    import_module("huggingface_hub.constants")
    with _environment_lock, without_telemetry():
        settings = {name: value for name, value in _environment(cache).items() if name != _METRICS}
        with temporary_environment(settings):
            yield


@contextmanager
def _disable_telemetry() -> Iterator[None]:
    os.environ.setdefault(_METRICS, "0")  # pyannote raises if it is unset, and enables telemetry by default
    with temporary_environment({_METRICS: "0"}):
        yield


without_telemetry = SharedContext(_disable_telemetry)
"""Disable pyannote's telemetry for the block; each pipeline call reads the variable."""


@contextmanager
def temporary_environment(environment: Mapping[str, str | None]) -> Iterator[None]:
    """Set each variable, or unset it if its value is None; restore all of them after the block."""
    before = {name: os.environ.get(name) for name in environment}
    _set_variables(environment)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _environment(cache: VerifiedCache) -> dict[str, str | None]:
    """Return the variables; None means unset.

    Models are loaded from verified bytes, so pyannote gets no Hub cache in which it could look one up by name.
    """
    return {
        **runtime_environment(cache.root.absolute() / layout.HF_HOME),
        "HF_HUB_CACHE": os.devnull,
        **dict.fromkeys(_SECRETS),
    }
