"""A box with a public key accepts only signed versions and refuses an older pointer."""

import os
import shutil
from dataclasses import replace
from functools import partial

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.caches import NEW, OLD, Site, edit_json, flip, tree
from support.kills import killed_before_step

from diarize_runner.cache.documents.manifest import ARCHIVE_NAME, MANIFEST_NAME, SIGNATURE_NAME
from diarize_runner.cache.documents.pointer import MAX_SERIAL, MAX_SERIAL_STEP
from diarize_runner.cache.published.catalogue import rollback
from diarize_runner.cache.published.find import VersionQuery, find_version
from diarize_runner.cache.published.keys import published_versions
from diarize_runner.cache.published.latest import read_latest
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import is_signed_by, read_private_key, require_signature, write_keys
from diarize_runner.digests import hash_bytes, hash_file
from diarize_runner.errors import DiskError, IntegrityError, ManifestError, StoreError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore
from diarize_runner.store.protocol import MAX_DOCUMENT_BYTES


@pytest.fixture
def keys(tmp_path):
    """A key pair: private, public."""
    pair = tmp_path / "team.key", tmp_path / "team.pub"
    write_keys(*pair)
    return pair


@pytest.fixture
def other_keys(tmp_path):
    """Another key pair."""
    pair = tmp_path / "other.key", tmp_path / "other.pub"
    write_keys(*pair)
    return pair


def sign_build(site, version, private):
    manifest = (site.built(version) / MANIFEST_NAME).read_bytes()
    (site.built(version) / SIGNATURE_NAME).write_bytes(read_private_key(private).sign(manifest))


def publish_signed(site, version, private):
    """Sign the build and publish it with a signed pointer."""
    sign_build(site, version, private)
    return publish_with(site, version, private)


def publish_with(site, version, private):
    """Publish the signed build with a signed pointer."""
    return publish(site.built(version), site.store, NoProgress(), read_private_key(private))


@pytest.fixture
def signed(site, keys):
    """A site whose store has the signed version 1.0."""
    site.build("1.0", NEW)
    publish_signed(site, "1.0", keys[0])
    return site


class RecordingStore(LocalStore):
    """A store that records the size limit of each read."""

    def __init__(self, root):
        super().__init__(root)
        self.limits = {}

    def read(self, key, max_bytes=MAX_DOCUMENT_BYTES):
        self.limits[key] = max_bytes
        return super().read(key, max_bytes)


def test_each_document_is_read_with_its_size_limit(signed, keys):
    store = RecordingStore(signed.store.root)

    find_version(store, VersionQuery(version="latest", public_key=keys[1]))

    assert store.limits == {
        "latest/manifest.json": 64 << 10,
        "v1.0/manifest.json": 16 << 20,
        "v1.0/manifest.json.sig": 4 << 10,
    }


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_a_version_signed_with_the_key_is_restored(version, signed, keys):
    restored = signed.restore(version, public_key=keys[1])

    assert restored.cache.manifest.version == "1.0"
    assert not signed.restore(version, public_key=keys[1]).plan.changed


def test_the_signature_of_the_manifest_is_published_beside_it(signed, keys):
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


def latest_digest(site):
    """Return the digest of the signed bytes of latest."""
    return hash_bytes(read_latest(site.store).signed_bytes()).digest


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_a_version_signed_with_another_key_is_refused_and_leaves_nothing(version, signed, other_keys):
    refusal = refused(signed, other_keys[1], version)

    manifest = hash_file(signed.store.root / "v1.0" / MANIFEST_NAME).digest
    what = f"the manifest {manifest}" if version == "1.0" else f"{signed.store.url}: latest {latest_digest(signed)}"
    assert refusal.message == f"{what} is not signed with the key in {other_keys[1]}"
    assert "find out which before using it" in refusal.hint


@pytest.mark.parametrize("version", ["latest", "1.0"])
def test_an_unsigned_version_is_refused_and_leaves_nothing(version, signed, keys):
    (signed.store.root / "v1.0" / SIGNATURE_NAME).unlink()

    refusal = refused(signed, keys[1], version)

    assert refusal.message == f"{signed.store.url}: version 1.0 is not signed, but a signature is required"
    assert refusal.hint == "build it with --sign KEY and publish it as a new version"
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
def test_a_version_changed_after_signing_is_refused_even_with_a_matching_pointer(alter, version, signed, keys):
    """An attacker with write access to the store, even with a pointer signed by the owner."""
    alter(signed.store.root)
    content = hash_file(signed.store.root / "v1.0" / MANIFEST_NAME)
    forged = read_latest(signed.store)
    forged = replace(forged, manifest=replace(forged.manifest, content=content), signature="")
    pointer = forged.signed(read_private_key(keys[0]).sign)
    (signed.store.root / "latest" / MANIFEST_NAME).write_bytes(pointer.to_bytes())

    assert " is not signed with the key in " in refused(signed, keys[1], version).message


def test_a_signed_older_version_cannot_replace_another_version(signed, keys):
    signed.build("1.1", OLD)
    publish_signed(signed, "1.1", keys[0])
    for name in (MANIFEST_NAME, SIGNATURE_NAME, ARCHIVE_NAME):
        shutil.copy(signed.store.root / "v1.0" / name, signed.store.root / "v1.1" / name)

    assert refused(signed, keys[1], "1.1").message.endswith("v1.1/manifest.json is the manifest of version 1.0")


def test_a_refused_version_keeps_the_current_one(signed, keys):
    signed.restore(public_key=keys[1])
    before = tree(signed.box.root)
    (signed.store.root / "latest" / MANIFEST_NAME).unlink()
    signed.publish("1.1", OLD)

    for version, what in (("latest", "latest"), ("1.1", "version 1.1")):
        with pytest.raises(IntegrityError, match=rf": {what} is not signed, but a signature is required$"):
            signed.restore(version, public_key=keys[1])

    assert tree(signed.box.root) == before


@pytest.mark.long
def test_a_signed_publish_killed_at_any_step_never_shows_an_unsigned_version(site, keys):
    site.build("1.0", NEW)
    sign_build(site, "1.0", keys[0])
    step, was_killed = 0, True

    while was_killed:
        step += 1
        shutil.rmtree(site.store.root, ignore_errors=True)
        was_killed = killed_before_step(step, partial(publish_with, site, "1.0", keys[0]))
        for version in published_versions(site.store):
            shutil.rmtree(site.box.root, ignore_errors=True)
            assert site.restore(version, public_key=keys[1]).cache.manifest.version == "1.0"
        publish_signed(site, "1.0", keys[0])
        shutil.rmtree(site.box.root, ignore_errors=True)
        assert site.restore(public_key=keys[1]).plan.changed

    assert step > 20


def test_publishing_the_signature_signs_a_published_version(site, keys):
    site.publish("1.0", NEW)

    latest = publish_signed(site, "1.0", keys[0])

    assert (latest.changed, latest.pointer.serial, latest.pointer.previous) == (True, 2, None)
    assert site.restore(public_key=keys[1]).plan.changed
    assert not publish_signed(site, "1.0", keys[0]).changed


def test_a_build_deletes_the_signature_of_the_previous_build(site, keys):
    site.build("1.0", OLD)
    sign_build(site, "1.0", keys[0])

    site.build("1.0", NEW)

    assert SIGNATURE_NAME not in tree(site.built("1.0"))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_a_private_key(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")
    finally:
        os.umask(before)

    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.key").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert (tmp_path / "a.pub").read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----\n")


@pytest.mark.parametrize("there", ["a.key", "a.pub"])
def test_a_key_is_never_overwritten_and_no_half_pair_is_left(there, tmp_path):
    (tmp_path / there).write_text("precious")

    with pytest.raises(UsageError, match=f"^{tmp_path / there} already exists$") as refusal:
        write_keys(tmp_path / "a.key", tmp_path / "a.pub")

    assert refusal.value.hint == "choose another name: a key in use must not be overwritten"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {there: "precious"}


def test_a_key_in_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DiskError, match=r"nowhere/a.key: No such file or directory$"):
        write_keys(tmp_path / "nowhere" / "a.key", tmp_path / "nowhere" / "a.pub")


def test_a_file_that_is_not_an_ed25519_key_is_a_usage_error(signed, keys, tmp_path):
    pem = serialization.Encoding.PEM
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, spki = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "rsa.key").write_bytes(rsa_key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    (tmp_path / "rsa.pub").write_bytes(rsa_key.public_key().public_bytes(pem, spki))
    (tmp_path / "text").write_text("secret")

    for private, sentence in (
        ("rsa.key", "is not an Ed25519 key"),
        ("text", "is not a private key"),
        (keys[1].name, "is not a private key"),
    ):
        with pytest.raises(UsageError, match=f"^{tmp_path / private} {sentence}"):
            read_private_key(tmp_path / private)
    for public, sentence in (
        ("rsa.pub", "is not an Ed25519 key"),
        ("text", "is not a public key"),
        (keys[0].name, "is not a public key"),
    ):
        with pytest.raises(UsageError, match=f"^{tmp_path / public} {sentence}"):
            signed.restore(public_key=tmp_path / public)
    for read in (read_private_key, lambda path: signed.restore(public_key=path)):
        with pytest.raises(UsageError, match=f"^cannot read {tmp_path / 'nowhere'}: No such file"):
            read(tmp_path / "nowhere")
    assert not signed.box.root.exists()


@pytest.fixture
def replayed(site):
    """A site whose box followed 1.1 and whose store then replays the pointer of 1.0."""
    site.publish("1.0", OLD)
    shutil.copy(site.store.root / "latest" / MANIFEST_NAME, site.folder / "pointer")
    site.publish("1.1", NEW)
    site.restore()
    shutil.copy(site.folder / "pointer", site.store.root / "latest" / MANIFEST_NAME)
    return site


def test_an_older_latest_is_refused_and_leaves_the_box_unchanged(replayed):
    before = tree(replayed.box.root)

    with pytest.raises(IntegrityError) as refusal:
        replayed.restore(seen_serial=replayed.box.serial)

    assert refusal.value.exit_code == 3
    assert refusal.value.message == f"{replayed.store.url}: latest has serial 1, but this box last followed 2"
    assert refusal.value.hint.endswith("pass --allow-older")
    assert tree(replayed.box.root) == before


def test_an_allowed_older_latest_is_followed_and_its_serial_stored(replayed):
    restored = replayed.restore(seen_serial=None)

    assert (restored.cache.manifest.version, replayed.box.serial) == ("1.0", 1)


def test_a_named_version_is_restored_without_latest_and_keeps_the_serial(replayed):
    assert replayed.restore("1.0", seen_serial=replayed.box.serial).cache.manifest.version == "1.0"
    assert replayed.box.serial == 2


def test_a_rollback_raises_the_serial_and_is_followed(site):
    site.publish("1.0", OLD)
    site.publish("1.1", NEW)
    site.restore()

    pointer = rollback(site.store, None).pointer

    assert (pointer.serial, pointer.version) == (3, "1.0")
    assert site.restore(seen_serial=site.box.serial).cache.manifest.version == "1.0"
    assert site.box.serial == 3


def test_a_failed_restore_does_not_store_the_serial(site):
    site.publish("1.0", OLD)
    site.restore()
    site.publish("1.1", NEW)
    (site.store.root / "v1.1" / ARCHIVE_NAME).write_bytes(b"x")

    with pytest.raises(IntegrityError):
        site.restore()

    assert site.box.serial == 1


def test_a_new_box_has_no_serial(tmp_path):
    assert Site(folder=tmp_path).box.serial == 0


POINTER = f"latest/{MANIFEST_NAME}"


@pytest.fixture
def followed(signed, keys):
    """A site whose box follows 1.1 with the team's key, and whose store also has the signed version 1.0."""
    signed.build("1.1", OLD)
    publish_signed(signed, "1.1", keys[0])
    signed.restore(public_key=keys[1], seen_serial=0)
    assert signed.box.serial == 2
    return signed


def forge(site, **changes):
    """Write a pointer with an invalid signature, as an attacker without the key can."""
    pointer = replace(read_latest(site.store), **changes)
    (site.store.root / POINTER).write_bytes(pointer.to_bytes())


def pointer_to(site, version):
    """Return the fields that point to another version."""
    content = hash_file(site.store.root / f"v{version}" / MANIFEST_NAME)
    named = replace(read_latest(site.store).manifest, name=f"v{version}/{MANIFEST_NAME}", content=content)
    return {"version": version, "manifest": named}


@pytest.mark.parametrize("signature", ["", None, "ab" * 64], ids=["none", "of the one before", "random"])
def test_a_forged_pointer_to_an_old_signed_version_is_refused(followed, keys, signature):
    before = tree(followed.box.root)
    signature = read_latest(followed.store).signature if signature is None else signature
    forge(followed, serial=3, signature=signature, **pointer_to(followed, "1.0"))

    message = r": latest (is not signed, but|sha256:[0-9a-f]{64} is not signed with the key)"
    with pytest.raises(IntegrityError, match=message):
        followed.restore(public_key=keys[1], seen_serial=followed.box.serial)

    assert tree(followed.box.root) == before


def test_a_replayed_signed_pointer_is_refused_by_its_serial(signed, keys):
    old = (signed.store.root / POINTER).read_bytes()
    signed.build("1.1", OLD)
    publish_signed(signed, "1.1", keys[0])
    signed.restore(public_key=keys[1], seen_serial=0)
    (signed.store.root / POINTER).write_bytes(old)

    with pytest.raises(IntegrityError, match=r": latest has serial 1, but this box last followed 2$"):
        signed.restore(public_key=keys[1], seen_serial=signed.box.serial)


def test_a_pointer_of_version_1_is_followed_only_without_a_key(signed, keys):
    def as_version_1(document):
        document["format"] = "diarize-runner/pointer/1"
        del document["signature"]

    edit_json(signed.store.root / POINTER, as_version_1)

    with pytest.raises(IntegrityError, match=r": latest is not signed") as refusal:
        signed.restore(public_key=keys[1])
    assert "cache publish --sign KEY" in refusal.value.hint
    assert signed.restore().cache.manifest.version == "1.0"


@pytest.mark.parametrize("rise", [MAX_SERIAL_STEP, MAX_SERIAL_STEP + 1])
def test_a_too_high_serial_is_refused_and_the_owner_can_recover(site, rise):
    site.publish("1.0", OLD)
    site.restore(seen_serial=site.box.serial)
    forge(site, serial=1 + rise)

    if rise > MAX_SERIAL_STEP:
        with pytest.raises(
            IntegrityError, match=r"last followed 1: it may not rise by more than 1,000,000$"
        ) as refusal:
            site.restore(seen_serial=site.box.serial)
        assert refusal.value.hint.endswith("if the serial is correct, pass --allow-older once: it accepts any serial")
        assert site.box.serial == 1
    else:
        assert site.restore(seen_serial=site.box.serial)

    latest = site.publish("1.1", NEW)
    assert latest.pointer.serial == 2 + rise
    assert site.restore(seen_serial=None).cache.manifest.version == "1.1"
    assert site.box.serial == 2 + rise


@pytest.mark.parametrize("serial", [MAX_SERIAL, MAX_SERIAL - 1])
def test_a_publish_after_the_largest_serial_is_refused(site, serial):
    site.publish("1.0", OLD)
    forge(site, serial=serial)
    site.build("1.1", NEW)

    if serial < MAX_SERIAL:
        assert site.publish_built("1.1").pointer.serial == MAX_SERIAL
        return
    with pytest.raises(StoreError, match=r"has serial 9,007,199,254,740,991, the highest possible$") as refusal:
        site.publish_built("1.1")
    assert refusal.value.hint.startswith("it was set too high: delete latest/manifest.json and publish again")
    (site.store.root / POINTER).unlink()
    assert site.publish_built("1.1").pointer.serial == 1
    assert site.restore(seen_serial=None).cache.manifest.version == "1.1"


def test_a_serial_beyond_the_largest_is_an_error(site):
    site.publish("1.0", OLD)
    edit_json(site.store.root / POINTER, lambda pointer: pointer.update(serial=MAX_SERIAL + 1))

    with pytest.raises(ManifestError, match=r"is out of range in 'serial'$"):
        site.restore(seen_serial=None)


def test_a_rollback_signs_the_pointer(followed, keys):
    pointer = rollback(followed.store, None, read_private_key(keys[0])).pointer

    assert (pointer.serial, pointer.version, pointer.previous) == (3, "1.0", "1.1")
    restored = followed.restore(public_key=keys[1], seen_serial=followed.box.serial)
    assert restored.cache.manifest.version == "1.0"


def test_a_rollback_to_a_version_signed_with_another_key_is_refused(followed, keys, other_keys):
    with pytest.raises(IntegrityError, match=r": version 1\.0 is not signed with that key$"):
        rollback(followed.store, None, read_private_key(other_keys[0]))

    assert read_latest(followed.store).version == "1.1"


def test_a_signed_latest_is_never_replaced_by_an_unsigned_one(followed, keys):
    before = (followed.store.root / POINTER).read_bytes()
    followed.build("1.2", NEW)
    for move in (lambda: followed.publish_built("1.2"), lambda: rollback(followed.store, "1.0")):
        with pytest.raises(UsageError, match=r": latest is signed, but the next one would not be$") as refusal:
            move()
        assert refusal.value.hint == "pass --sign KEY: boxes with its public key refuse an unsigned latest"

    assert (followed.store.root / POINTER).read_bytes() == before


def test_a_version_and_its_latest_are_both_signed_or_both_unsigned(site, keys, other_keys):
    site.build("1.0", NEW)
    with pytest.raises(UsageError, match=r"latest would be signed, but the version in .* is not signed with that key$"):
        publish(site.built("1.0"), site.store, NoProgress(), read_private_key(keys[0]))
    sign_build(site, "1.0", keys[0])
    with pytest.raises(UsageError, match=r"is signed, but latest would not be$"):
        site.publish_built("1.0")
    with pytest.raises(UsageError, match=r"is not signed with that key$"):
        publish(site.built("1.0"), site.store, NoProgress(), read_private_key(other_keys[0]))

    assert not site.store.root.exists()


def test_a_signing_publish_uses_only_the_serial_of_a_forged_pointer(followed, keys):
    forge(followed, serial=7, previous="0.9", **pointer_to(followed, "1.0"))
    followed.build("1.2", NEW)

    pointer = publish_signed(followed, "1.2", keys[0]).pointer

    assert (pointer.serial, pointer.version, pointer.previous) == (8, "1.2", None)
    assert followed.restore(public_key=keys[1], seen_serial=followed.box.serial).cache.manifest.version == "1.2"


def test_the_signature_of_a_manifest_is_invalid_for_a_pointer(followed, keys):
    manifest = (followed.store.root / "v1.0" / MANIFEST_NAME).read_bytes()
    signature = (followed.store.root / "v1.0" / SIGNATURE_NAME).read_bytes()
    assert is_signed_by(read_private_key(keys[0]), manifest, signature)
    (followed.store.root / POINTER).write_bytes(manifest)

    with pytest.raises(ManifestError, match=r"format 'diarize-runner/manifest/2' is not diarize-runner/pointer/2"):
        followed.restore(public_key=keys[1])
