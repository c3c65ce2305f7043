import os
import time
from pathlib import Path

import pytest
from support.hub_host import BuildHost
from support.hub_simulator import HubSimulator, running_hub


@pytest.fixture
def host(tmp_path) -> BuildHost:
    """A build host that wants everything of the repository."""
    host = BuildHost(folder=tmp_path / "host")
    host.ask_for()
    return host


@pytest.fixture
def hub_home(tmp_path) -> Path:
    """Where this machine keeps its own Hub cache, and its login."""
    return tmp_path / "huggingface"


@pytest.fixture
def hub(monkeypatch, hub_home) -> HubSimulator:
    """A Hub that the client in this process talks to, without a token.

    huggingface_hub reads its environment once, when it is imported, which may be long ago: what it read is set anew.
    """
    from huggingface_hub import constants

    for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running_hub() as hub:
        read = {
            "ENDPOINT": hub.endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(hub_home / "hub"),
            "HF_TOKEN_PATH": str(hub_home / "token"),
            "HF_STORED_TOKENS_PATH": str(hub_home / "stored_tokens"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": False,
            "HF_HUB_DISABLE_SHARED_BLOBS": True,
        }
        for name, value in read.items():
            monkeypatch.setattr(constants, name, value)
        yield hub


_BETWEEN_ATTEMPTS = 0.5
"""Seconds: huggingface_hub waits no less."""


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """How long the client waited between its attempts. It is told at once that the time is over."""
    waited: list[float] = []
    sleep = time.sleep

    def wait(seconds: float) -> None:
        if seconds < _BETWEEN_ATTEMPTS:  # `subprocess` looks that often whether a process has ended
            sleep(seconds)
        else:
            waited.append(seconds)

    monkeypatch.setattr(time, "sleep", wait)
    return waited


@pytest.fixture
def sign_in(monkeypatch):
    """Give this machine an account's token."""
    return lambda account: monkeypatch.setenv("HF_TOKEN", account.token)
