"""`build --with-wheels` collects exactly the wheels that boxes install, with real pip and a folder as the index."""

import pytest
from support.caches import Site, flip, tree
from support.kills import killed_when_exists
from support.wheel_host import COMMON, FOR_311, FOR_312, FOR_ANY, OLDER, TOOL, WheelHost
from support.wheels import WheelSite, use_index, write_wheel

from diarize_runner.cache.documents.manifest import (
    BOOTSTRAP_NAME,
    INSTALLER_NAME,
    MANIFEST_NAME,
    TOOLKIT_NAME,
    WHEELS_PAGE_NAME,
)
from diarize_runner.cache.published.publish import publish, read_build
from diarize_runner.digests import hash_file
from diarize_runner.errors import IntegrityError, ManifestError, SecretFound, SourceError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = WheelHost(folder=tmp_path)
    host.prepare()
    use_index(monkeypatch, host.index)
    return host


def names(manifest):
    return [wheel.name for wheel in manifest.wheelhouse.wheels]


def inodes(host):
    return {name: path.stat().st_ino for name, path in host.built_wheels().items()}


def test_a_build_collects_wheels_for_each_python_the_toolkit_the_page_and_the_installer(host, tmp_path):
    toolkit = write_wheel(tmp_path, "diarize_runner", "0.1.0", {"diarize_runner/__init__.py": b""})

    manifest = host.build("3.11", "3.10", toolkit=toolkit)

    assert names(manifest) == [OLDER, COMMON, toolkit.name, FOR_311, FOR_ANY, TOOL]
    assert set(tree(host.out)) == {
        *("huggingface-cache.tar.gz", "manifest.json", "requirements-diarization.txt", "wheels"),
        *(INSTALLER_NAME, WHEELS_PAGE_NAME),
        *(f"wheels/{name}" for name in names(manifest)),
    }
    sources = {**{path.name: path for path in host.index.iterdir()}, toolkit.name: toolkit}
    for wheel in manifest.wheelhouse.wheels:
        assert wheel.content == hash_file(sources[wheel.name])
    assert (host.out / INSTALLER_NAME).read_bytes() == host.installer.read_bytes()
    assert read_build(host.out) == manifest


def test_bootstrap_files_beside_the_toolkit_wheel_are_published(host, tmp_path):
    toolkit = write_wheel(tmp_path / "dist", "diarize_runner", "0.1.0", {})
    for name in (BOOTSTRAP_NAME, TOOLKIT_NAME):
        (tmp_path / "dist" / name).write_text(name)
    manifest = host.build(toolkit=toolkit)
    store = LocalStore(tmp_path / "store")

    publish(host.out, store, NoProgress())

    assert read_build(host.out) == manifest
    assert store.read(f"v1.0/{TOOLKIT_NAME}").data == TOOLKIT_NAME.encode()
    assert store.read(f"latest/{BOOTSTRAP_NAME}").data == BOOTSTRAP_NAME.encode()
    host.build()
    assert {BOOTSTRAP_NAME, TOOLKIT_NAME}.isdisjoint(tree(host.out))


@pytest.mark.long
def test_the_same_inputs_give_the_same_bytes_after_any_earlier_build(host, tmp_path):
    host.build("3.13", toolkit=write_wheel(tmp_path, "diarize_runner", "0.0.9", {}))
    assert set(host.built_wheels()) == {"diarize_runner-0.0.9-py3-none-any.whl", COMMON, FOR_ANY, TOOL}
    for name in ("notes.whl", "notes.txt"):
        (host.out / "wheels" / name).write_text("somebody's")

    host.build("3.12", "3.11", "3.12")

    fresh = tmp_path / "fresh"
    host.build("3.11", "3.12", out=fresh)
    assert tree(host.out) == tree(fresh)
    assert set(host.built_wheels()) == {COMMON, FOR_311, FOR_312, TOOL}


def test_a_build_fetches_again_only_the_damaged_wheel(host):
    manifest = host.build()
    before = inodes(host)
    flip(host.out / "wheels" / TOOL, 40)

    assert host.build() == manifest

    assert {name for name, inode in inodes(host).items() if inode != before[name]} == {TOOL}
    assert read_build(host.out) == manifest


@pytest.mark.long
def test_a_killed_build_keeps_its_wheels_and_the_next_one_completes(host, tmp_path):
    assert killed_when_exists(host.out / "wheels" / TOOL, host.build_with_own_index)
    assert MANIFEST_NAME not in tree(host.out)
    kept = inodes(host)
    for name, path in host.built_wheels().items():
        assert hash_file(path) == hash_file(host.index / name)

    host.build()

    assert kept.items() <= inodes(host).items()
    fresh = tmp_path / "fresh"
    host.build(out=fresh)
    assert tree(host.out) == tree(fresh)


def test_a_package_without_a_wheel_for_the_python_stops_the_build_and_is_named(host):
    (host.index / FOR_ANY).unlink()
    (host.index / "speech-1.0.tar.gz").write_bytes(b"its setup.py would run")

    with pytest.raises(SourceError) as refusal:
        host.build("3.13")

    assert refusal.value.message == ("Python 3.13 on Linux x86-64: No matching distribution found for speech==1.0")
    assert refusal.value.hint == (
        "check that your package index has a wheel for CPython 3.13 on Linux x86-64, and that pip can reach it: "
        "pip download"
    )
    assert MANIFEST_NAME not in tree(host.out)
    assert set(host.built_wheels()) <= {COMMON, TOOL}


def test_a_wheel_rebuilt_since_it_was_pinned_stops_the_build(host):
    write_wheel(host.index, "tool", "3.0", {"backdoor.py": b""})

    with pytest.raises(IntegrityError, match=r"^Python 3.11 on Linux x86-64: the index's wheel is not the one"):
        host.build()

    assert TOOL not in host.built_wheels()


def test_another_wheel_is_refused_as_the_toolkit(host, tmp_path):
    for path in (host.index / TOOL, tmp_path / "diarize_runner-0.1.0-py3-none-any.whl"):
        with pytest.raises(UsageError, match=f"^{path} is not a wheel of diarize-runner$") as refusal:
            host.sources(toolkit=path)
        assert refusal.value.hint == "run in a clone: make toolkit"


def test_requirements_without_hashes_are_refused_before_any_write(host):
    host.installer.write_text("tool==3.0\n")

    with pytest.raises(ManifestError, match=f"^{host.installer}: tool==3.0 has no --hash$") as refusal:
        host.build()

    assert refusal.value.hint == "compile it with pip-compile --generate-hashes"
    assert not host.out.exists()


def test_an_installer_file_that_is_missing_or_holds_a_token_is_refused_before_any_write(host):
    token = "hf_" + 34 * "a"
    host.installer.write_text(f"{host.installer.read_text()}# {token}\n")
    with pytest.raises(SecretFound):
        host.build()
    host.installer.unlink()
    with pytest.raises(UsageError, match=f"^{host.installer} is not a file$"):
        host.build()

    assert not host.out.exists()


def test_a_build_without_wheels_removes_the_old_page_and_keeps_the_old_wheels(tmp_path):
    site = WheelSite(folder=tmp_path)
    site.build()
    before = tree(site.built("1.0"))

    manifest = Site.build(site)

    assert manifest.wheelhouse is None
    after = tree(site.built("1.0"))
    assert set(before) - set(after) == {INSTALLER_NAME, WHEELS_PAGE_NAME}
    assert {path for path in before if path.startswith("wheels/")} <= set(after)
    assert read_build(site.built("1.0")) == manifest
