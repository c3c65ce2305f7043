import os
import time
from pathlib import Path

import pytest
from support.hub_host import BuildHost
from support.hub_simulator import HubSimulator, running_hub


@pytest.fixture
def host(tmp_path) -> BuildHost:
    """A build host that requests every file of the repository."""
    host = BuildHost(folder=tmp_path / "host")
    host.ask_for()
    return host


@pytest.fixture
def hub_home(tmp_path) -> Path:
    """The HF_HOME of this machine, with its Hub cache and its login."""
    return tmp_path / "huggingface"


@pytest.fixture
def hub(monkeypatch, hub_home) -> HubSimulator:
    """A Hub that the client in this process uses, without a token.

    huggingface_hub reads its environment when it is imported, so this fixture patches the constants.
    """
    from huggingface_hub import constants

    for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running_hub() as hub:
        patched = {
            "ENDPOINT": hub.endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(hub_home / "hub"),
            "HF_TOKEN_PATH": str(hub_home / "token"),
            "HF_STORED_TOKENS_PATH": str(hub_home / "stored_tokens"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": False,
            "HF_HUB_DISABLE_SHARED_BLOBS": True,
        }
        for name, value in patched.items():
            monkeypatch.setattr(constants, name, value)
        yield hub


_SHORTEST_RETRY_WAIT = 0.5
"""Seconds; huggingface_hub never waits less."""


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds that the client would wait between its attempts. The waits return at once."""
    waited: list[float] = []
    sleep = time.sleep

    def wait(seconds: float) -> None:
        if seconds < _SHORTEST_RETRY_WAIT:  # `subprocess` polls with short waits
            sleep(seconds)
        else:
            waited.append(seconds)

    monkeypatch.setattr(time, "sleep", wait)
    return waited


@pytest.fixture
def sign_in(monkeypatch):
    """A function that sets HF_TOKEN to an account's token."""
    return lambda account: monkeypatch.setenv("HF_TOKEN", account.token)
