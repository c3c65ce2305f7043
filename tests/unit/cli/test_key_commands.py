"""The wrong half of a key pair, given to a command: it costs no build and no restore, and leaves nothing."""

import pytest


@pytest.fixture
def pair(run, tmp_path):
    """A key pair: private, public."""
    assert run("cache", "keygen", tmp_path / "team").exit_code == 0
    return tmp_path / "team.key", tmp_path / "team.pub"


def test_a_build_that_would_sign_with_a_public_key_is_refused_before_it_begins(run, pair, request_file, tmp_path):
    run("cache", "resolve", request_file)
    options = ("--version", "1.0", "--requirements", tmp_path / "requirements.txt", "--out", tmp_path / "out")

    ran = run("cache", "build", request_file, *options, "--sign", pair[1])

    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"error: {pair[1]} is not a private key")
    assert "\nhint: make a key pair: " in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_private_key_given_as_public_is_refused_and_nothing_is_restored(run, pair, request_file, tmp_path):
    run("cache", "resolve", request_file)
    options = ("--version", "1.0", "--requirements", tmp_path / "requirements.txt", "--out", tmp_path / "built")
    run("cache", "build", request_file, *options, "--sign", pair[0])
    store = (tmp_path / "store").as_uri()
    run("cache", "publish", tmp_path / "built", "--store", store, "--sign", pair[0])
    restore = ("cache", "restore", "--store", store, "--into", tmp_path / "into", "--public-key")

    ran = run(*restore, pair[0])

    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"error: {pair[0]} is not a public key")
    assert not (tmp_path / "into").exists()
    assert run(*restore, pair[1]).exit_code == 0, "the other half is taken"
