"""Each call of huggingface_hub raises what it documents, and what it does not: the command ends in one sentence."""

import inspect
import json

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import errors
from support.run_main import run_main

from diarize_runner.cache.builder.hub import OnlineHub
from diarize_runner.cli import main
from diarize_runner.errors import DiarizeRunnerError

REPO = "acme/speaker-diarization"
REQUEST = httpx2.Request("GET", f"https://huggingface.co/{REPO}", headers={"authorization": "Bearer hf_" + "a" * 34})
TOKEN = REQUEST.headers["authorization"].removeprefix("Bearer ")


def raised_by(kind):
    """Return an instance of an exception, as huggingface_hub makes it, whose message holds a token."""
    message = f"no luck with {TOKEN}"
    if issubclass(kind, errors.HfHubHTTPError):
        return kind(message, response=httpx2.Response(500, request=REQUEST))
    made = kind.__new__(kind)
    made.args = (message,)
    return made


DOCUMENTED = sorted(
    (each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, Exception)),
    key=lambda kind: kind.__name__,
)
XET = [
    RuntimeError("Task error: CAS Client Error: error sending request for url (https://cas-server.xethub.hf.co/v2)"),
    RuntimeError(),
]
TRANSPORT = [
    httpx2.ConnectTimeout("slow"),
    httpx2.InvalidURL("no url"),
    httpx2.StreamConsumed(),
    OSError(5, "I/O error"),
]
FOREIGN = [
    KeyError("id"),
    TypeError("not a mapping"),
    AttributeError("lfs"),
    UnicodeDecodeError("utf-8", b"", 0, 1, "x"),
]


@pytest.mark.parametrize(
    "reason",
    [*(raised_by(kind) for kind in DOCUMENTED), *XET, *TRANSPORT, *FOREIGN],
    ids=lambda reason: type(reason).__name__,
)
def test_a_download_that_raises_ends_in_an_error_of_ours(reason, hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", raising(reason))
    with pytest.raises(DiarizeRunnerError) as caught:
        OnlineHub().fetch(REPO, "0" * 40, "config.yaml", "1" * 40)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert TOKEN not in caught.value.message


UNDOCUMENTED = [AssertionError("0 == 1"), MemoryError(), EOFError(f"the token {TOKEN}")]


@pytest.mark.parametrize("reason", UNDOCUMENTED, ids=lambda reason: type(reason).__name__)
@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["quiet", "verbose"])
def test_an_undocumented_exception_ends_the_command_with_an_error_and_a_hint(
    reason, verbosity, hub, host, monkeypatch, capsys
):
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", raising(reason))
    ran = run_main(capsys, main, "cache", "resolve", host.request, "--json", *verbosity)
    *before, error, hint = ran.stderr.splitlines()
    assert ran.exit_code == 1
    assert error.startswith(f"error: {type(reason).__name__} in test_hub_exceptions.py, line ")
    assert hint == "hint: run it again with -v for the traceback, and report this bug of diarize-runner"
    assert json.loads(ran.stdout)["error"] == error.removeprefix("error: ")
    assert any("Traceback (most recent call last):" in line for line in before) == bool(verbosity)
    assert TOKEN not in ran.stdout + ran.stderr


def raising(reason):
    def fail(*_, **__):
        raise reason

    return fail
