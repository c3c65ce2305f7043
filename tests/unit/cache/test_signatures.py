"""A box with a public key takes what was signed, and nothing else; an old pointer is not followed in silence."""

import os
import shutil
from functools import partial

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.caches import NEW, OLD, Site, edit_json, flip, tree
from support.kills import killed_before_step

from diarize_runner.cache.catalogue import rollback
from diarize_runner.cache.manifest import ARCHIVE_NAME, MANIFEST_NAME, SIGNATURE_NAME
from diarize_runner.cache.publish import publish
from diarize_runner.cache.signature import read_private_key, require_signature, write_keys
from diarize_runner.digests import content_of_file
from diarize_runner.errors import DiskError, IntegrityError, UsageError
from diarize_runner.progress import Silent


@pytest.fixture
def keys(tmp_path):
    """A key pair: private, public."""
    pair = tmp_path / "team.key", tmp_path / "team.pub"
    write_keys(*pair)
    return pair


@pytest.fixture
def other_keys(tmp_path):
    """Somebody else's."""
    pair = tmp_path / "other.key", tmp_path / "other.pub"
    write_keys(*pair)
    return pair


def sign_built(site, version, private):
    manifest = (site.built(version) / MANIFEST_NAME).read_bytes()
    (site.built(version) / SIGNATURE_NAME).write_bytes(read_private_key(private).sign(manifest))


@pytest.fixture
def signed(site, keys):
    """A site whose store has 1.0, signed."""
    site.build("1.0", NEW)
    sign_built(site, "1.0", keys[0])
    site.publish_built("1.0")
    return site


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_a_version_that_was_signed_by_the_key_is_restored(version, signed, keys):
    restored = signed.restore(version, public_key=keys[1])

    assert restored.cache.manifest.version == "1.0"
    assert not signed.restore(version, public_key=keys[1]).plan.changed


def test_the_signature_is_published_beside_the_manifest_and_is_of_its_bytes(signed, keys):
    folder = signed.store.root / "v1.0"
    signature = (folder / SIGNATURE_NAME).read_bytes()

    assert len(signature) == 64
    require_signature((folder / MANIFEST_NAME).read_bytes(), signature, keys[1])
    assert signature == read_private_key(keys[0]).sign((folder / MANIFEST_NAME).read_bytes())


def refused(site, public, version):
    with pytest.raises(IntegrityError) as refusal:
        site.restore(version, public_key=public)
    assert refusal.value.exit_code == 3
    assert not site.box.root.exists()
    return refusal.value


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_a_version_that_another_key_signed_is_refused_and_nothing_is_left(version, signed, other_keys):
    refusal = refused(signed, other_keys[1], version)

    manifest = content_of_file(signed.store.root / "v1.0" / MANIFEST_NAME).digest
    assert refusal.message == f"the manifest {manifest} was not signed by the key in {other_keys[1]}"
    assert "do not use it before you know which" in refusal.hint


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_a_version_without_a_signature_is_refused_and_nothing_is_left(version, signed, keys):
    (signed.store.root / "v1.0" / SIGNATURE_NAME).unlink()

    refusal = refused(signed, keys[1], version)

    assert refusal.message == f"{signed.store.url}: version 1.0 is not signed, and a signature is wanted"
    assert refusal.hint == "build it with --sign KEY, and publish it under a new version"
    assert signed.restore(version).plan.changed


def alter_manifest(store):
    edit_json(store / "v1.0" / MANIFEST_NAME, lambda manifest: manifest.update(created_by="somebody"))


def break_manifest(store):
    (store / "v1.0" / MANIFEST_NAME).write_text("{")


def flip_signature(store):
    flip(store / "v1.0" / SIGNATURE_NAME, 40)


def shorten_signature(store):
    os.truncate(store / "v1.0" / SIGNATURE_NAME, 63)


def lengthen_signature(store):
    with (store / "v1.0" / SIGNATURE_NAME).open("ab") as file:
        file.write(b"\0")


def empty_signature(store):
    os.truncate(store / "v1.0" / SIGNATURE_NAME, 0)


ALTERATIONS = [
    alter_manifest,
    break_manifest,
    flip_signature,
    shorten_signature,
    lengthen_signature,
    empty_signature,
]


@pytest.mark.parametrize("alter", ALTERATIONS)
@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_what_was_altered_after_it_was_signed_is_refused_though_the_pointer_follows(alter, version, signed, keys):
    alter(signed.store.root)
    content = content_of_file(signed.store.root / "v1.0" / MANIFEST_NAME)
    named = {"size": content.size, "digest": str(content.digest)}
    edit_json(signed.store.root / "latest" / MANIFEST_NAME, lambda pointer: pointer["manifest"].update(named))

    assert " was not signed by the key in " in refused(signed, keys[1], version).message


def test_an_older_version_that_was_signed_too_is_no_stand_in_for_another(signed, keys):
    signed.build("1.1", OLD)
    sign_built(signed, "1.1", keys[0])
    signed.publish_built("1.1")
    for name in (MANIFEST_NAME, SIGNATURE_NAME, ARCHIVE_NAME):
        shutil.copy(signed.store.root / "v1.0" / name, signed.store.root / "v1.1" / name)

    assert refused(signed, keys[1], "1.1").message.endswith("v1.1/manifest.json is the manifest of version 1.0")


def test_a_refused_version_leaves_the_one_in_use(signed, keys):
    signed.restore(public_key=keys[1])
    before = tree(signed.box.root)
    signed.publish("1.1", OLD)

    with pytest.raises(IntegrityError, match=r": version 1.1 is not signed, and a signature is wanted$"):
        signed.restore(public_key=keys[1])

    assert tree(signed.box.root) == before


def test_a_signed_publish_that_was_killed_at_any_step_never_makes_an_unsigned_version_visible(site, keys):
    site.build("1.0", NEW)
    sign_built(site, "1.0", keys[0])
    step, was_killed = 0, True

    while was_killed:
        step += 1
        shutil.rmtree(site.store.root, ignore_errors=True)
        was_killed = killed_before_step(step, partial(publish, site.built("1.0"), site.store, Silent()))
        for version in site.store.versions():
            shutil.rmtree(site.box.root, ignore_errors=True)
            assert site.restore(version, public_key=keys[1]).cache.manifest.version == "1.0"
        site.publish_built("1.0")
        shutil.rmtree(site.box.root, ignore_errors=True)
        assert site.restore(public_key=keys[1]).plan.changed

    assert step > 20


def test_a_version_that_was_published_unsigned_is_signed_by_publishing_the_signature(site, keys):
    site.publish("1.0", NEW)
    sign_built(site, "1.0", keys[0])

    assert not site.publish_built("1.0").changed

    assert site.restore(public_key=keys[1]).plan.changed


def test_a_build_takes_away_the_signature_of_the_one_before(site, keys):
    site.build("1.0", OLD)
    sign_built(site, "1.0", keys[0])

    site.build("1.0", NEW)

    assert SIGNATURE_NAME not in tree(site.built("1.0"))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_private_key_is_its_owners_alone(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")
    finally:
        os.umask(before)

    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.key").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert (tmp_path / "a.pub").read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.parametrize("there", ["a.key", "a.pub"])
def test_a_key_is_never_overwritten_and_no_half_of_a_pair_is_left(there, tmp_path):
    (tmp_path / there).write_text("precious")

    with pytest.raises(UsageError, match=f"^{tmp_path / there} is there already$") as refusal:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")

    assert refusal.value.hint == "a key that signed something must not be lost"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {there: "precious"}


def test_a_key_in_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(DiskError, match=r"nowhere/a.key: No such file or directory$"):
        write_keys(tmp_path / "nowhere" / "a.key", tmp_path / "nowhere" / "a.pub")


def test_what_is_no_ed25519_key_is_bad_usage(signed, keys, tmp_path):
    pem = serialization.Encoding.PEM
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, spki = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "rsa.key").write_bytes(rsa_key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    (tmp_path / "rsa.pub").write_bytes(rsa_key.public_key().public_bytes(pem, spki))
    (tmp_path / "text").write_text("secret")

    for private, sentence in (
        ("rsa.key", "is not an Ed25519 key"),
        ("text", "is no private key"),
        (keys[1].name, "is no private key"),
    ):
        with pytest.raises(UsageError, match=f"^{tmp_path / private} {sentence}"):
            read_private_key(tmp_path / private)
    for public, sentence in (
        ("rsa.pub", "is not an Ed25519 key"),
        ("text", "is no public key"),
        (keys[0].name, "is no public key"),
    ):
        with pytest.raises(UsageError, match=f"^{tmp_path / public} {sentence}"):
            signed.restore(public_key=tmp_path / public)
    for read in (read_private_key, lambda path: signed.restore(public_key=path)):
        with pytest.raises(UsageError, match=f"^cannot read {tmp_path / 'nowhere'}: No such file"):
            read(tmp_path / "nowhere")
    assert not signed.box.root.exists()


@pytest.fixture
def replayed(site):
    """A site whose box followed 1.1, and whose store then shows the pointer of 1.0 again."""
    site.publish("1.0", OLD)
    shutil.copy(site.store.root / "latest" / MANIFEST_NAME, site.folder / "pointer")
    site.publish("1.1", NEW)
    site.restore()
    shutil.copy(site.folder / "pointer", site.store.root / "latest" / MANIFEST_NAME)
    return site


def test_an_older_latest_is_refused_and_leaves_the_box_as_it_was(replayed):
    before = tree(replayed.box.root)

    with pytest.raises(IntegrityError) as refusal:
        replayed.restore(least_serial=replayed.box.serial)

    assert refusal.value.exit_code == 3
    assert refusal.value.message == f"{replayed.store.url}: latest has serial 1, and this box has followed 2"
    assert refusal.value.hint.endswith("say --allow-older")
    assert tree(replayed.box.root) == before


def test_an_older_latest_is_followed_when_that_is_allowed_and_remembered(replayed):
    restored = replayed.restore(least_serial=0)

    assert (restored.cache.manifest.version, replayed.box.serial) == ("1.0", 1)


def test_a_version_that_is_named_is_restored_whatever_latest_says_and_the_serial_stays(replayed):
    assert replayed.restore("1.0", least_serial=replayed.box.serial).cache.manifest.version == "1.0"
    assert replayed.box.serial == 2


def test_a_rollback_by_the_tool_raises_the_serial_and_is_followed(site):
    site.publish("1.0", OLD)
    site.publish("1.1", NEW)
    site.restore()

    pointer = rollback(site.store, None).pointer

    assert (pointer.serial, pointer.version) == (3, "1.0")
    assert site.restore(least_serial=site.box.serial).cache.manifest.version == "1.0"
    assert site.box.serial == 3


def test_a_restore_that_fails_does_not_remember_the_serial(site):
    site.publish("1.0", OLD)
    site.restore()
    site.publish("1.1", NEW)
    (site.store.root / "v1.1" / ARCHIVE_NAME).write_bytes(b"x")

    with pytest.raises(IntegrityError):
        site.restore()

    assert site.box.serial == 1


def test_a_fresh_box_has_followed_nothing(tmp_path):
    assert Site(folder=tmp_path).box.serial == 0
