"""Only the command itself has the token: no child process of `cache resolve` or `cache build` inherits a secret."""

import os
import subprocess
import sys

import pytest
import yaml
from support.command import ROOT
from support.hub_host import FILES, REPO
from support.traces import executed, tracing
from support.wheel_host import FOR_311, WheelHost
from support.wheels import index_settings

from diarize_runner.cache.builder.hub import pop_token
from diarize_runner.child import child_environment

CANARIES = {
    "HUGGING_FACE_HUB_TOKEN": "canary-old-token",
    "HF_OIDC_ID_TOKEN": "canary-identity",
    "AWS_ACCESS_KEY_ID": "canary-key-id",
    "AWS_SECRET_ACCESS_KEY": "canary-key",
    "AWS_SESSION_TOKEN": "canary-session",
    "SOME_API_KEY": "canary-api",
    "DATABASE_PASSWORD": "canary-password",
}


@pytest.fixture
def ada(hub):
    """An account with access to the gated repository."""
    hub.repo(REPO, FILES, gated="auto")
    return hub.account("ada", may_read={REPO})


@pytest.fixture
def wheels(tmp_path):
    """A package index, and the requirements that pin its packages."""
    wheels = WheelHost(folder=tmp_path / "wheels")
    wheels.folder.mkdir()
    wheels.prepare()
    return wheels


@pytest.fixture
def traced(hub, hub_home, tmp_path, ada, wheels):
    """A function that runs a command with every secret in its environment.

    It returns the traced starts of the command itself, and those of its child processes.
    """

    def traced(*arguments):
        settings = {"PYTHONPATH": str(ROOT), "NO_PROXY": "*", "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(hub_home)}
        secrets = {**CANARIES, "HF_TOKEN": ada.token}
        trace = tmp_path / f"trace-{arguments[1]}"
        done = subprocess.run(
            [*tracing(trace, "execve,execveat"), sys.executable, "-m", "diarize_runner", *map(str, arguments)],
            env={**os.environ, **index_settings(wheels.index), **settings, **secrets},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        starts = executed(trace)
        own = [each for each in starts if "diarize_runner" in each.words]
        return own, [each for each in starts if each not in own]

    return traced


def request_wheel_member(host):
    """Add a file of a wheel to the request."""
    document = yaml.safe_load(host.request.read_text())
    files = {"notes.txt": {"wheel": "tool==3.0", "member": "tool-3.0.dist-info/METADATA"}}
    document["repos"].append({"repo_id": "acme/tool", "revision": "main", "licence": "MIT", "files": files})
    host.request.write_text(yaml.safe_dump(document))


def starts_with_secrets(starts, ada):
    secrets = [ada.token, *CANARIES.values()]
    return [(each.words, held) for each in starts for held in each.environment if any(s in held for s in secrets)]


@pytest.mark.long
def test_no_child_of_a_resolve_or_a_build_with_wheels_inherits_a_secret(traced, hub, host, ada, wheels):
    request_wheel_member(host)
    files = ("--requirements", wheels.requirements, "--installer", wheels.installer, "--out", host.out)

    own, children = zip(
        traced("cache", "resolve", host.request),
        traced("cache", "build", host.request, "--version", "1.0", "--with-wheels", "--python", "3.11", *files),
        strict=True,
    )

    assert [len(starts_with_secrets(starts, ada)) for starts in own] == [len(CANARIES) + 1] * 2, (
        "each command has every secret"
    )
    assert {each.authorization for each in hub.requests("/resolve/", host="hub")} == {f"Bearer {ada.token}"}
    pips = [[each for each in starts if "pip" in each.words] for starts in children]
    assert len(pips[0]) == 1
    assert len(pips[1]) >= len([FOR_311, "common", "tool"]), "one pip for each wheel"
    assert [starts_with_secrets(starts, ada) for starts in children] == [[], []]


def test_a_child_process_gets_the_needed_variables_and_no_secret(monkeypatch):
    needed = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy:3128",
        "SSL_CERT_FILE": "/etc/ssl/ca.pem",
        "PIP_INDEX_URL": "https://user:word@index/simple",
        "PIP_KEYRING_PROVIDER": "subprocess",
        "KEYBOARD": "us",
        "MONKEYS": "many",
    }
    withheld = [*CANARIES, "HF_TOKEN", "HF_TOKEN_PATH", "aws_secret_access_key", "AWS_SHARED_CREDENTIALS_FILE"]
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {**needed, **dict.fromkeys(withheld, "canary")}.items():
        monkeypatch.setenv(name, value)

    assert child_environment(TMPDIR="/here") == {**needed, "TMPDIR": "/here"}


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        ({}, None),
        ({"HF_TOKEN": " new\n", "HUGGING_FACE_HUB_TOKEN": "old"}, "new"),
        ({"HF_TOKEN": "", "HUGGING_FACE_HUB_TOKEN": "old"}, "old"),
        ({"HF_TOKEN": "new", "HF_OIDC_RESOURCE": "acme/weights"}, None),
    ],
    ids=["none", "both", "the old name", "trusted publishing first"],
)
def test_pop_token_chooses_the_same_token_as_huggingface_hub(monkeypatch, environment, token):
    from huggingface_hub import utils
    from huggingface_hub.utils import _auth

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_auth, "_get_token_from_oidc", lambda: None)
    chosen = utils.get_token() if "HF_OIDC_RESOURCE" not in environment else None

    assert pop_token() == token == chosen
    assert not {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} & set(os.environ)
