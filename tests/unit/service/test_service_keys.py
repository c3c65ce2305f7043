"""The file of API keys: what it accepts, what it never holds, and that a running service follows its changes."""

import hmac
import json
import logging
import os
import stat

import pytest

from diarize_runner.errors import DiarizeRunnerError, ManifestError, UsageError
from diarize_runner.service import keys
from diarize_runner.service.keys import KeyFile, WatchedKeys, add_key, revoke_key


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.json"


def write(path, *entries):
    path.write_text(json.dumps({"keys": list(entries)}))
    path.chmod(0o600)


def entry(name="alice", digest="0" * 64):
    return {"name": name, "sha256": digest, "created": "2026-11-30T02:00:00+00:00"}


def test_a_key_is_found_by_its_token_and_no_other_token_is(path):
    alice, bob = add_key(path, "alice"), add_key(path, "bob")
    loaded = KeyFile.load(path).keys

    assert (loaded.find(alice), loaded.find(bob)) == ("alice", "bob")
    assert [loaded.find(token) for token in ("", "dr_", alice[:-1], f"{alice}x", alice.upper(), "\ud800")] == [None] * 6


def test_a_key_has_256_random_bits(path):
    token = add_key(path, "alice")

    assert token.startswith("dr_")
    assert len(token) == len("dr_") + 43
    assert token != add_key(path, "bob")


def test_the_file_never_holds_the_key_and_only_its_owner_reads_it(path):
    token = add_key(path, "alice")

    assert token not in path.read_text()
    assert token.removeprefix("dr_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())["keys"][0]) == {"name", "sha256", "created"}


def test_the_umask_of_the_process_stays(path):
    before = os.umask(0o027)
    try:
        add_key(path, "alice")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes owners")
def test_a_file_that_the_group_of_the_service_reads_stays_one(path):
    write(path, entry())
    os.chown(path, os.geteuid(), 12345)
    path.chmod(0o640)

    add_key(path, "bob")

    assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (12345, 0o640)


def test_every_key_is_compared_even_after_a_match(path, monkeypatch):
    tokens = [add_key(path, name) for name in ("alice", "bob", "carol")]
    compared = []

    def compare(one, other):
        compared.append(one)
        return real(one, other)

    real = hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", compare)

    assert KeyFile.load(path).keys.find(tokens[0]) == "alice"
    assert len(compared) == 3


def test_a_revoked_key_is_found_no_more_and_the_others_are(path):
    alice, bob = add_key(path, "alice"), add_key(path, "bob")

    revoke_key(path, "alice")

    assert KeyFile.load(path).keys.find(alice) is None
    assert KeyFile.load(path).keys.find(bob) == "bob"


def test_a_name_is_used_once(path):
    add_key(path, "alice")
    before = path.read_bytes()

    with pytest.raises(UsageError, match="has a key named alice") as refused:
        add_key(path, "alice")

    assert "service-key revoke alice" in refused.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "-a", "a\n", "a" * 65, "é"])
def test_a_bad_name_is_refused(path, name):
    with pytest.raises(UsageError, match="is not a name"):
        add_key(path, name)
    assert not path.exists()


def test_an_unknown_name_is_answered_with_the_known_ones(path):
    add_key(path, "alice")

    with pytest.raises(UsageError, match="has no key named bob") as refused:
        revoke_key(path, "bob")

    assert refused.value.hint == "its keys: alice"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(path, mode):
    write(path, entry())
    path.chmod(mode)

    with pytest.raises(UsageError, match="writable by other users") as refused:
        KeyFile.load(path)

    assert refused.value.hint == f"run: chmod 600 {path}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_file_of_another_user_is_refused(path):
    write(path, entry())
    os.chown(path, 12345, -1)

    with pytest.raises(UsageError, match="belongs to user 12345"):
        KeyFile.load(path)


def test_what_is_no_file_is_refused_without_waiting_for_a_writer(path):
    os.mkfifo(path, 0o600)

    with pytest.raises(UsageError, match="is not a file"):
        KeyFile.load(path)


MALFORMED = {
    "no JSON": "{",
    "a list": "[]",
    "no keys": "{}",
    "an unknown member": json.dumps({"keys": [], "more": 1}),
    "a key that is a string": json.dumps({"keys": ["alice"]}),
    "no digest": json.dumps({"keys": [{"name": "alice", "created": "2026"}]}),
    "a short digest": json.dumps({"keys": [entry(digest="ab")]}),
    "a name with a space": json.dumps({"keys": [entry("a b")]}),
    "a name twice": json.dumps({"keys": [entry(), entry(digest="1" * 64)]}),
    "a digest twice": json.dumps({"keys": [entry(), entry("bob")]}),
    "a member twice": '{"keys": [], "keys": []}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_file_is_refused(path, text):
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ManifestError, match=r"keys\.json: "):
        KeyFile.load(path)


def test_the_error_about_a_key_in_place_of_its_digest_does_not_quote_the_key(path):
    write(path, entry(digest="dr_plain"))

    with pytest.raises(ManifestError) as refused:
        KeyFile.load(path)

    assert "dr_plain" not in refused.value.message + refused.value.hint


def test_a_missing_file_says_how_to_make_one(path):
    with pytest.raises(UsageError, match="cannot read the API keys") as refused:
        KeyFile.load(path)
    assert "service-key add" in refused.value.hint


class TestWatching:
    def test_a_running_service_follows_the_file(self, path):
        alice = add_key(path, "alice")
        watched = WatchedKeys(path=path)
        bob = add_key(path, "bob")
        assert (watched.current().find(alice), watched.current().find(bob)) == ("alice", "bob")

        revoke_key(path, "alice")

        assert (watched.current().find(alice), watched.current().find(bob)) == (None, "bob")

    def test_an_unchanged_file_is_not_read_again(self, path, monkeypatch):
        add_key(path, "alice")
        watched = WatchedKeys(path=path)
        monkeypatch.setattr(KeyFile, "load", lambda _: pytest.fail("read again"))

        assert watched.current().names() == ("alice",)

    @pytest.mark.parametrize("damage", ["malformed", "writable", "missing"])
    def test_a_file_that_became_invalid_keeps_the_former_keys_and_is_logged_once(self, path, damage, caplog):
        alice = add_key(path, "alice")
        watched = WatchedKeys(path=path)
        {
            "malformed": lambda: path.write_text("{"),
            "writable": lambda: path.chmod(0o666),
            "missing": path.unlink,
        }[damage]()

        with caplog.at_level(logging.ERROR):
            found = [watched.current().find(alice) for _ in range(3)]

        assert found == ["alice"] * 3
        assert len(caplog.records) == 1
        assert alice not in caplog.text

    def test_a_file_that_became_valid_again_is_followed(self, path):
        alice = add_key(path, "alice")
        watched = WatchedKeys(path=path)
        path.chmod(0o666)
        watched.current()
        path.chmod(0o600)
        revoke_key(path, "alice")

        assert watched.current().find(alice) is None

    def test_a_service_does_not_start_with_an_invalid_file(self, path):
        with pytest.raises(DiarizeRunnerError):
            WatchedKeys(path=path)
