"""`service-key`: the commands that change the API keys of the service."""

import pytest

from diarize_runner.service.keys import KeyFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def test_add_prints_the_key_alone_to_stdout(run, path):
    added = run("service-key", "add", "alice", "--keys", path)

    assert (added.exit_code, added.stdout.count("\n")) == (0, 1)
    assert KeyFile.load(path).keys.find(added.stdout.strip()) == "alice"
    assert added.stdout.strip() not in added.stderr


def test_add_with_json_prints_the_key_in_the_document(run, path):
    document = run("service-key", "add", "alice", "--keys", path, "--json").document

    assert set(document) == {"name", "key", "keys"}
    assert KeyFile.load(path).keys.find(document["key"]) == "alice"


def test_list_prints_names_and_no_digests(run, path):
    run("service-key", "add", "alice", "--keys", path)
    run("service-key", "add", "bob", "--keys", path)
    digests = [key.sha256 for key in KeyFile.load(path).keys.keys]

    listed = run("service-key", "list", "--keys", path)
    document = run("service-key", "list", "--keys", path, "--json").document

    assert [line.split("\t")[0] for line in listed.stdout.splitlines()] == ["alice", "bob"]
    assert [key["name"] for key in document["keys"]] == ["alice", "bob"]
    assert not any(digest in f"{listed.stdout}{document}" for digest in digests)


def test_revoke_removes_a_key(run, path):
    run("service-key", "add", "alice", "--keys", path)

    assert run("service-key", "revoke", "alice", "--keys", path, "--json").document["name"] == "alice"
    assert KeyFile.load(path).keys.names() == ()
    again = run("service-key", "revoke", "alice", "--keys", path)
    assert (again.exit_code, again.stderr.splitlines()[0]) == (2, f"error: {path} has no key named alice")


def test_the_file_can_come_from_the_environment(run, path, monkeypatch):
    monkeypatch.setenv("DIARIZE_RUNNER_SERVICE_KEYS", str(path))

    assert run("service-key", "add", "alice").exit_code == 0
    assert KeyFile.load(path).keys.names() == ("alice",)


@pytest.mark.parametrize("verb", [["list"], ["add", "alice"], ["revoke", "alice"]], ids=" ".join)
def test_without_a_file_the_command_line_is_refused(run, monkeypatch, verb):
    monkeypatch.delenv("DIARIZE_RUNNER_SERVICE_KEYS", raising=False)

    assert run("service-key", *verb).exit_code == 2


def test_a_folder_that_does_not_exist_is_an_error_with_a_hint(run, tmp_path):
    ran = run("service-key", "add", "alice", "--keys", tmp_path / "nowhere/keys.json")

    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"error: {tmp_path}/nowhere: No such file or directory\nhint: ")
