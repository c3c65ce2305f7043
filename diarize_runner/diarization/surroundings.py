"""The environment variables that libraries read while a pipeline is loaded and runs.

A process of ours takes them on for good (`stay_offline`). In a process of somebody else's they hold for a while, and
what was there comes back: its token, its cache of the Hub, its being online.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.shared import Shared

_SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_METRICS = "PYANNOTE_METRICS_ENABLED"
_one_at_a_time = threading.RLock()
"""The environment, the home and the working folder belong to the whole process."""


def stay_offline(cache: VerifiedCache) -> None:
    """Set for good what a process that does nothing but use `cache` is to have, and take any token away."""
    _change(_environment(cache))


@contextmanager
def offline_settings(cache: VerifiedCache) -> Iterator[None]:
    """Have libraries read, until the block ends, that they are offline and have no token; other loads wait for it."""
    # It keeps what it reads when it is first imported: that is to be the caller's. The guard stands all the same.
    import_module("huggingface_hub.constants")
    with _one_at_a_time, unmeasured():
        settings = {name: value for name, value in _environment(cache).items() if name != _METRICS}
        with changed_environment(settings):
            yield


@contextmanager
def _unmeasured() -> Iterator[None]:
    os.environ.setdefault(_METRICS, "0")  # pyannote raises where there is none, and its own default is to phone home
    with changed_environment({_METRICS: "0"}):
        yield


unmeasured = Shared(_unmeasured)
"""Have pyannote's telemetry off until the block ends: it asks the environment at every call of a pipeline."""


@contextmanager
def changed_environment(environment: Mapping[str, str | None]) -> Iterator[None]:
    """Set each variable, or unset it where its value is None; put back what was there when the block ends."""
    before = {name: os.environ.get(name) for name in environment}
    _change(environment)
    try:
        yield
    finally:
        _change(before)


def _change(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _environment(cache: VerifiedCache) -> dict[str, str | None]:
    """Return the variables, None for those that are not to be.

    Models are loaded from verified bytes. So there is no cache in which pyannote could look one up by its name.
    """
    return {
        **runtime_environment(cache.root.absolute() / layout.HF_HOME),
        "HF_HUB_CACHE": os.devnull,
        **dict.fromkeys(_SECRETS),
    }
