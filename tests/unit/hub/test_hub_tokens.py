"""The token of a build host opens a gated repository, is sent only to the Hub, and is stored nowhere."""

import io
import logging
import tarfile
import traceback

import pytest
from support.command import run
from support.hub_host import FILES, REPO

from diarize_runner.cache.documents.manifest import ARCHIVE_NAME
from diarize_runner.cli import build_parser
from diarize_runner.errors import DiarizeRunnerError


@pytest.fixture
def ada(hub):
    """An account with access to the gated repository."""
    hub.repo(REPO, FILES, gated="auto")
    return hub.account("ada", may_read={REPO})


def run_command(hub, *arguments, **environment):
    """Run the command in a new process, as on a build host; return its output."""
    done = run(*arguments, HF_ENDPOINT=hub.endpoint, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def all_bytes(folder):
    """Yield the bytes of every file below `folder`, and of every file in an archive among them."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
        if path.name == ARCHIVE_NAME:
            with tarfile.open(path) as archive:
                yield from (
                    (path / member.name, archive.extractfile(member).read()) for member in archive if member.isreg()
                )


@pytest.mark.parametrize("kept", ["in the environment", "by hf auth login"])
def test_no_file_and_no_output_holds_the_token(hub, host, hub_home, tmp_path, ada, kept):
    environment = {"HF_HOME": str(hub_home), "HF_DEBUG": "1"}
    if kept == "in the environment":
        environment["HF_TOKEN"] = ada.token
    else:
        hub_home.mkdir()
        (hub_home / "token").write_text(ada.token)
    (host.folder / "requirements.txt").write_text("nothing==1\n")
    build = ["--version", "1.0", "--requirements", host.folder / "requirements.txt", "--out", host.out]

    output = run_command(hub, "cache", "resolve", host.request, "--json", **environment)
    output += run_command(hub, "cache", "build", host.request, *build, "--json", **environment)
    output += run_command(hub, "cache", "publish", host.out, "--store", (tmp_path / "store").as_uri(), **environment)

    assert hub.requests("/resolve/", host="hub")[0].authorization == f"Bearer {ada.token}", "the token was used"
    assert "<TOKEN>" in output, "the client's log was on, with the masked header"
    assert ada.token not in output
    found = {path for path, data in all_bytes(tmp_path) if ada.token.encode() in data}
    assert found == set() if kept == "in the environment" else {hub_home / "token"}
    assert [path for path, data in all_bytes(tmp_path / "store") if FILES["config.yaml"] in data], (
        "the archive was searched"
    )


def test_the_token_is_sent_only_to_the_hub(hub, host, sign_in, ada):
    sign_in(ada)

    host.lock()

    assert {each.authorization for each in hub.requests(host="hub")} == {f"Bearer {ada.token}"}
    assert {each.authorization for each in hub.requests(host="cdn")} == {None}
    assert len(hub.requests(host="cdn")) == 2


def test_a_build_without_a_token_sends_none(hub, host):
    hub.repo(REPO, FILES)

    host.lock()

    assert {each.authorization for each in hub.log} == {None}


REFUSALS = {
    "no access": lambda hub, ada: ada.may_read.clear(),
    "awaiting a review": lambda hub, ada: (ada.may_read.clear(), ada.awaits.add(REPO)),
    "no permission for gated repositories": lambda hub, ada: setattr(ada, "fine_grained", True),
    "an unknown token": lambda hub, ada: hub.accounts.clear(),
    "no such repository": lambda hub, ada: hub.repos.clear(),
    "no such revision": lambda hub, ada: hub.repos[REPO].refs.clear(),
    "a Hub that fails": lambda hub, ada: hub.fail("/revision/", 500, times=9),
    "a Hub that repeats the token": lambda hub, ada: hub.fail(
        "/revision/", 400, times=9, X_Error_Message=f"no good: Bearer {ada.token}"
    ),
    "altered bytes": lambda hub, ada: hub.repos[REPO].altered.update({"config.yaml": b"x"}),
}


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=list(REFUSALS))
def test_no_error_holds_the_token(hub, host, sign_in, ada, caplog, refuse):
    caplog.set_level(logging.INFO)
    sign_in(ada)
    refuse(hub, ada)

    with pytest.raises(DiarizeRunnerError) as caught:
        host.lock()

    assert hub.log[0].authorization == f"Bearer {ada.token}"
    assert ada.token not in f"{caught.value.message} {caught.value.hint}"
    assert ada.token not in printed(caught.value)
    assert ada.token not in caplog.text


@pytest.mark.parametrize("odd", ["\x0cpage 2", "\u200b"], ids=["a form feed", "a zero-width space"])
def test_a_token_with_an_extra_character_is_not_printed(hub, host, monkeypatch, ada, odd):
    """The HTTP client's own error quotes a header that it cannot send."""
    monkeypatch.setenv("HF_TOKEN", f"{ada.token}{odd}")

    with pytest.raises(DiarizeRunnerError) as caught:
        host.lock()

    assert hub.log == []
    assert caught.value.message == f"{REPO}: the token of this machine holds an invalid character"
    assert "copy only the token again" in caught.value.hint
    assert ada.token not in printed(caught.value)


def test_no_command_takes_a_token_as_an_option():
    options = [
        option for parser in parsers(build_parser()) for action in parser._actions for option in action.option_strings
    ]

    assert "--store" in options
    assert [option for option in options if "token" in option] == []


def printed(error):
    """Return the traceback that Python prints for an uncaught exception."""
    target = io.StringIO()
    traceback.print_exception(error, file=target)
    return target.getvalue()


def parsers(parser):
    """Yield a parser and the parsers of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from parsers(command)
