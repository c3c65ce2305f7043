"""What passes for a key and what does not: the other half, both, two, another kind, or one that is open to all."""

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
    """Somebody else's."""
    other = tmp_path / "other.key", tmp_path / "other.pub"
    write_keys(*other)
    return other


@pytest.fixture
def given(tmp_path):
    """Write what is given as a key; return the path."""

    def given(data):
        path = tmp_path / "given"
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    return given


def certificate(key):
    """Return a certificate of a key, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "team")])
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + dt.timedelta(days=365))
    return made.sign(key, None).public_bytes(PEM)


OTHERS = {
    "a public key of ssh": lambda key: key.public_key().public_bytes(SSH, serialization.PublicFormat.OpenSSH),
    "a private key of ssh": lambda key: key.private_bytes(PEM, serialization.PrivateFormat.OpenSSH, OPEN),
    "a private key with a password": lambda key: key.private_bytes(
        PEM, PKCS8, serialization.BestAvailableEncryption(b"word")
    ),
    "a certificate": certificate,
}
"""Of the right key, in another form."""
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


def test_a_private_key_is_no_public_key_and_the_hint_says_where_it_stays(pair, key):
    refused = refusal(lambda: require(pair[0], key))

    assert refused.message == f"{pair[0]} is no public key, but a private key"
    assert refused.hint == "keep it where versions are built, and give NAME.pub of that pair"


def test_a_public_key_signs_nothing(pair):
    refused = refusal(lambda: read_private_key(pair[1]))

    assert refused.message == f"{pair[1]} is no private key, but a public key"
    assert refused.hint == "make a pair: diarize-runner cache keygen NAME"


@pytest.mark.parametrize("kind", OTHERS)
def test_the_right_key_in_another_form_is_refused_by_its_name(kind, key, given):
    path = given(OTHERS[kind](key))

    assert refusal(lambda: require(path, key)).message == f"{path} is no public key, but {kind}"
    assert refusal(lambda: read_private_key(path)).message == f"{path} is no private key, but {kind}"


@pytest.mark.parametrize("kind", [kind for kind in UNREADABLE if kind != "a public key that was cut short"])
def test_what_holds_no_key_at_all_is_refused_in_one_sentence(kind, key, given):
    path = given(UNREADABLE[kind](key))

    assert refusal(lambda: require(path, key)).message == f"{path} is no public key"
    assert refusal(lambda: read_private_key(path)).message == f"{path} is no private key"


def test_a_public_key_that_was_cut_short_is_refused(key, given):
    path = given(UNREADABLE["a public key that was cut short"](key))

    assert refusal(lambda: require(path, key)).message.startswith(f"{path} is no public key")


@pytest.mark.parametrize("made", [ec.generate_private_key(ec.SECP256R1()), ed448.Ed448PrivateKey.generate()])
def test_a_key_of_another_algorithm_is_refused(made, key, given):
    path = given(made.public_key().public_bytes(PEM, SPKI))
    assert refusal(lambda: require(path, key)).message == f"{path} is not an Ed25519 key"

    path = given(made.private_bytes(PEM, PKCS8, OPEN))
    assert refusal(lambda: read_private_key(path)).message == f"{path} is not an Ed25519 key"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the right one first", "the right one last"])
def test_a_file_with_two_public_keys_is_refused_whichever_comes_first(order, pair, other, key, given):
    keys = (pair[1].read_bytes(), other[1].read_bytes())
    path = given(b"".join(keys[index] for index in order))

    assert refusal(lambda: require(path, key)).message == f"{path} holds more than one key"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["private first", "public first"])
def test_a_file_with_both_halves_is_neither_key(order, pair, key, given):
    """A box's copy of the file can be read by everybody there."""
    path = given(b"".join(pair[index].read_bytes() for index in order))

    assert refusal(lambda: require(path, key)).message == f"{path} holds more than one key"
    assert refusal(lambda: read_private_key(path)).message == f"{path} holds more than one key"


@pytest.mark.parametrize("change", [lambda pem: pem.replace(b"\n", b"\r\n"), lambda pem: b"# the team's\n" + pem])
def test_a_public_key_with_other_line_ends_or_a_comment_is_the_same_key(change, pair, other, key, given):
    path = given(change(pair[1].read_bytes()))

    require(path, key)
    with pytest.raises(IntegrityError):
        require(path, read_private_key(other[0]))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601])
def test_a_signing_key_that_others_can_use_is_refused_as_ssh_refuses_one(mode, pair):
    pair[0].chmod(mode)

    refused = refusal(lambda: read_private_key(pair[0]))

    assert refused.message == f"{pair[0]} can be read by others than its owner"
    assert refused.hint.startswith(f"if nobody has read it, chmod 600 {pair[0]}; otherwise make a pair: ")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_signing_key_that_is_its_owners_alone_is_taken(mode, pair):
    pair[0].chmod(mode)

    assert read_private_key(pair[0]).sign(MANIFEST)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_signing_key_that_an_administrator_shares_with_a_group_is_taken_as_ssh_takes_one(pair):
    os.chown(pair[0], 65534, 0)
    pair[0].chmod(0o640)

    assert read_private_key(pair[0]).sign(MANIFEST)


@pytest.mark.parametrize(
    ("umask", "private", "public"), [(0o000, 0o600, 0o644), (0o077, 0o600, 0o600), (0o777, 0, 0)], ids=oct
)
def test_a_pair_is_never_more_open_than_600_and_644_nor_than_the_umask_allows(umask, private, public, tmp_path):
    before = os.umask(umask)
    try:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")
    finally:
        os.umask(before)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.key", "a.pub")] == [private, public]


@pytest.mark.parametrize("part", [slice(None), slice(90)], ids=["whole", "cut short"])
def test_no_message_about_a_key_holds_any_of_it(part, pair, key, given):
    (line,) = pair[0].read_text().splitlines()[1:-1]
    path = given(pair[0].read_bytes()[part])

    refused = refusal(lambda: require(path, key))

    assert line[:40] not in f"{refused.message} {refused.hint}"
