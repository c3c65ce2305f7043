"""Key files: invalid contents, several keys, other kinds of keys, and permissions."""

import datetime as dt
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.x509.oid import NameOID

from diarize_runner.cache.published.signature import read_private_key, require_signature, write_keys
from diarize_runner.errors import IntegrityError, UsageError

MANIFEST = b"a manifest"
PEM, SSH = serialization.Encoding.PEM, serialization.Encoding.OpenSSH
SPKI, PKCS8 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()


@pytest.fixture
def pair(tmp_path):
    """A key pair: private, public."""
    pair = tmp_path / "team.key", tmp_path / "team.pub"
    write_keys(*pair)
    return pair


@pytest.fixture
def key(pair):
    return read_private_key(pair[0])


@pytest.fixture
def other(tmp_path):
    """Another key pair."""
    other = tmp_path / "other.key", tmp_path / "other.pub"
    write_keys(*other)
    return other


@pytest.fixture
def key_file(tmp_path):
    """Write a key file; return its path."""

    def key_file(data):
        path = tmp_path / "key_file"
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    return key_file


def certificate(key):
    """Return a self-signed certificate of a key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "team")])
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + dt.timedelta(days=365))
    return made.sign(key, None).public_bytes(PEM)


OTHERS = {
    "an SSH public key": lambda key: key.public_key().public_bytes(SSH, serialization.PublicFormat.OpenSSH),
    "an SSH private key": lambda key: key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, OPEN),
    "a private key with a password": lambda key: key.private_bytes(
        PEM, PKCS8, serialization.BestAvailableEncryption(b"word")
    ),
    "a certificate": certificate,
}
"""The right key in other formats."""
UNREADABLE = {
    "nothing": lambda key: b"",
    "text": lambda key: b"secret",
    "DER": lambda key: key.public_key().public_bytes(serialization.Encoding.DER, SPKI),
    "raw bytes": lambda key: key.public_key().public_bytes_raw(),
    "a public key that was cut short": lambda key: key.public_key().public_bytes(PEM, SPKI)[:60],
}


def require(public, key):
    require_signature(MANIFEST, key.sign(MANIFEST), public)


def refusal(read):
    with pytest.raises(UsageError) as caught:
        read()
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


def test_a_private_key_as_public_key_is_refused_with_a_hint(pair, key):
    refused = refusal(lambda: require(pair[0], key))

    assert refused.message == f"{pair[0]} is not a public key, but a private key"
    assert refused.hint == "keep it on the build host, and pass NAME.pub of the pair"


def test_a_public_key_as_private_key_is_refused(pair):
    refused = refusal(lambda: read_private_key(pair[1]))

    assert refused.message == f"{pair[1]} is not a private key, but a public key"
    assert refused.hint == "make a key pair: diarize-runner cache keygen NAME"


@pytest.mark.parametrize("kind", OTHERS)
def test_a_key_in_another_format_is_refused_by_name(kind, key, key_file):
    path = key_file(OTHERS[kind](key))

    assert refusal(lambda: require(path, key)).message == f"{path} is not a public key, but {kind}"
    assert refusal(lambda: read_private_key(path)).message == f"{path} is not a private key, but {kind}"


@pytest.mark.parametrize("kind", [kind for kind in UNREADABLE if kind != "a public key that was cut short"])
def test_a_file_without_a_key_is_refused(kind, key, key_file):
    path = key_file(UNREADABLE[kind](key))

    assert refusal(lambda: require(path, key)).message == f"{path} is not a public key"
    assert refusal(lambda: read_private_key(path)).message == f"{path} is not a private key"


def test_a_truncated_public_key_is_refused(key, key_file):
    path = key_file(UNREADABLE["a public key that was cut short"](key))

    assert refusal(lambda: require(path, key)).message.startswith(f"{path} is not a public key")


@pytest.mark.parametrize("made", [ec.generate_private_key(ec.SECP256R1()), ed448.Ed448PrivateKey.generate()])
def test_a_key_of_another_algorithm_is_refused(made, key, key_file):
    path = key_file(made.public_key().public_bytes(PEM, SPKI))
    assert refusal(lambda: require(path, key)).message == f"{path} is not an Ed25519 key"

    path = key_file(made.private_bytes(PEM, PKCS8, OPEN))
    assert refusal(lambda: read_private_key(path)).message == f"{path} is not an Ed25519 key"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the right one first", "the right one last"])
def test_a_file_with_two_public_keys_is_refused_whichever_comes_first(order, pair, other, key, key_file):
    keys = (pair[1].read_bytes(), other[1].read_bytes())
    path = key_file(b"".join(keys[index] for index in order))

    assert refusal(lambda: require(path, key)).message == f"{path} holds more than one key"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["private first", "public first"])
def test_a_file_with_both_keys_of_a_pair_is_refused(order, pair, key, key_file):
    """Every user of a box can read its copy of the file."""
    path = key_file(b"".join(pair[index].read_bytes() for index in order))

    assert refusal(lambda: require(path, key)).message == f"{path} holds more than one key"
    assert refusal(lambda: read_private_key(path)).message == f"{path} holds more than one key"


@pytest.mark.parametrize("change", [lambda pem: pem.replace(b"\n", b"\r\n"), lambda pem: b"# the team's\n" + pem])
def test_a_public_key_with_other_line_ends_or_a_comment_is_the_same_key(change, pair, other, key, key_file):
    path = key_file(change(pair[1].read_bytes()))

    require(path, key)
    with pytest.raises(IntegrityError):
        require(path, read_private_key(other[0]))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601])
def test_a_private_key_that_other_users_can_read_is_refused_as_by_ssh(mode, pair):
    pair[0].chmod(mode)

    refused = refusal(lambda: read_private_key(pair[0]))

    assert refused.message == f"{pair[0]} can be read by other users"
    assert refused.hint.startswith(f"if nobody has read it, chmod 600 {pair[0]}; otherwise make a key pair: ")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_key_that_only_its_owner_can_read_is_accepted(mode, pair):
    pair[0].chmod(mode)

    assert read_private_key(pair[0]).sign(MANIFEST)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_private_key_shared_by_an_administrator_is_accepted_as_by_ssh(pair):
    os.chown(pair[0], 65534, 0)
    pair[0].chmod(0o640)

    assert read_private_key(pair[0]).sign(MANIFEST)


@pytest.mark.parametrize(
    ("umask", "private", "public"), [(0o000, 0o600, 0o644), (0o077, 0o600, 0o600), (0o777, 0, 0)], ids=oct
)
def test_new_keys_have_modes_600_and_644_or_stricter_by_umask(umask, private, public, tmp_path):
    before = os.umask(umask)
    try:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")
    finally:
        os.umask(before)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.key", "a.pub")] == [private, public]


@pytest.mark.parametrize("part", [slice(None), slice(90)], ids=["whole", "cut short"])
def test_no_error_contains_any_of_the_key(part, pair, key, key_file):
    (line,) = pair[0].read_text().splitlines()[1:-1]
    path = key_file(pair[0].read_bytes()[part])

    refused = refusal(lambda: require(path, key))

    assert line[:40] not in f"{refused.message} {refused.hint}"
