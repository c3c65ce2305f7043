"""bootstrap.sh: arguments, refusals, and no effect before the whole script has arrived."""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from support.bootstrap import WHEEL, sign, write_store
from support.caches import tree

SCRIPT = (Path(__file__).parents[2] / "scripts/bootstrap.sh").read_bytes()


@pytest.fixture
def store(tmp_path):
    """A store with correctly pinned files without useful content."""
    return write_store(tmp_path / "store")


@pytest.fixture
def bootstrap(tmp_path):
    """Return a function that runs a script as `curl | bash -s -- ...` does."""

    def run(*arguments, script=SCRIPT, shell="bash", path=os.environ["PATH"]):
        environment = {"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        return subprocess.run(
            [shell, "-s", "--", *map(str, arguments)], input=script, env=environment, capture_output=True, check=False
        )

    return run


def cuts():
    lines = [at + 1 for at, byte in enumerate(SCRIPT) if byte == ord("\n")]
    return sorted({*lines[:-1], *random.Random(5).sample(range(len(SCRIPT) - 1), 200), len(SCRIPT) - 2})


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_truncated_script_changes_nothing(shell, bootstrap, store, tmp_path):
    arguments = ("--store", store.as_uri(), "--prefix", tmp_path / "box")
    before = tree(tmp_path)

    for cut in cuts():
        bootstrap(*arguments, script=SCRIPT[:cut], shell=shell)
        assert tree(tmp_path) == before, f"cut at {cut}"

    bootstrap(*arguments, shell=shell)
    assert tree(tmp_path) != before, "the negative control: whole, it begins its work"


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_plan_reports_the_steps_and_changes_nothing(shell, bootstrap, store, tmp_path):
    before = tree(tmp_path)

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan", shell=shell)

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert f"version 1.0 of {store.as_uri()}" in ran.stdout.decode()
    assert f"{tmp_path}/box/opt/diarize-runner" in ran.stdout.decode()
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    {
        "an unknown option": (["--storr", "x"], "unknown option --storr"),
        "an option without its value": (["--store"], "--store needs a value"),
        "no store": (["--prefix", "/tmp/x"], "'' is not a store address"),
        "no address": (["--store", "models", "--prefix", "/tmp/x"], "'models' is not a store address"),
        "a relative prefix": (["--store", "file:///srv", "--prefix", "box"], "--prefix box is not an absolute path"),
        "a key that is not there": (
            ["--store", "file:///srv", "--prefix", "/tmp/x", "--public-key", "/nowhere"],
            "/nowhere does not exist",
        ),
    }.values(),
)
def test_an_invalid_command_line_is_an_error(arguments, message, bootstrap, tmp_path):
    ran = bootstrap(*arguments)

    assert ran.returncode == 2
    assert ran.stderr.decode().startswith(f"error: {message}\nhint: ")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("scheme", ["https", "s3", "ftp"])
def test_an_address_with_a_password_is_refused_and_not_repeated(scheme, bootstrap, tmp_path):
    ran = bootstrap("--store", f"{scheme}://me:hunter2@host/models", "--prefix", tmp_path / "box")

    assert ran.returncode == 2
    assert ran.stderr.decode().startswith("error: the store address contains a user or a password\nhint: ")
    assert b"hunter2" not in ran.stdout + ran.stderr
    assert tree(tmp_path) == {}


CHANGED_FILES = {
    "the manifest": ("v1.0/manifest.json", "is not the manifest that latest names"),
    "the pointer": ("latest/manifest.json", "is not a valid pointer"),
    "the toolkit": ("v1.0/toolkit.tar", "v1.0/toolkit.tar does not match the manifest"),
    "a wheel": (f"wheels/sha256/{hashlib.sha256(b'wheel').hexdigest()}/{WHEEL}", "does not match the manifest"),
}


@pytest.mark.parametrize("what", CHANGED_FILES)
def test_a_changed_file_in_the_store_is_refused_before_anything_runs(what, bootstrap, store, tmp_path):
    path, message = CHANGED_FILES[what]
    (store / path).write_bytes(b"x" + (store / path).read_bytes()[1:])

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box")

    assert ran.returncode == 3
    assert message in ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
    left = {Path(found).name for found, kind in tree(tmp_path / "box").items() if kind != "folder"}
    assert Path(path).name not in left
    assert not any(name.endswith(".part") for name in left)


def test_a_missing_version_is_an_error_and_leaves_nothing(bootstrap, store, tmp_path):
    before = tree(tmp_path)

    ran = bootstrap("--store", store.as_uri(), "--version", "7", "--prefix", tmp_path / "box")

    assert ran.returncode == 1
    assert f"error: {store.as_uri()}/v7/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()
    assert tree(tmp_path) == before


def test_missing_python_is_an_error(bootstrap, store, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("uname", "bash", "id"):
        (tools / name).symlink_to(f"/usr/bin/{name}")

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", path=str(tools), shell="/bin/bash")

    assert (ran.returncode, ran.stderr) == (1, b"error: python3 is not installed\nhint: install Python 3.10 to 3.13\n")


@pytest.mark.parametrize("signed", [True, False])
def test_with_a_public_key_a_signature_is_required(signed, bootstrap, store, tmp_path):
    key = sign(store, tmp_path)
    if not signed:
        (store / "v1.0/manifest.json.sig").write_bytes(b"\0" * 64)

    ran = bootstrap("--store", store.as_uri(), "--public-key", key, "--plan")

    assert ran.returncode == (0 if signed else 3), ran.stderr
    assert signed or "error: version 1.0 is not signed with the key in" in ran.stderr.decode()


POINTER = "latest/manifest.json"


@pytest.mark.parametrize("forged", ["unsigned", "raised", "another's"])
def test_a_forged_pointer_to_a_signed_version_is_refused(forged, bootstrap, store, tmp_path):
    key = sign(store, tmp_path)
    pointer = json.loads((store / POINTER).read_text())
    if forged == "unsigned":
        del pointer["signature"]
    elif forged == "raised":
        pointer["serial"] = 7
    else:
        pointer["signature"] = (store / "v1.0/manifest.json.sig").read_bytes().hex()
    (store / POINTER).write_text(json.dumps(pointer, indent=2) + "\n")
    assert bootstrap("--store", store.as_uri(), "--plan").returncode == 0, "without a key it is followed"

    ran = bootstrap("--store", store.as_uri(), "--public-key", key, "--plan")

    assert (ran.returncode, ran.stdout) == (3, b"")
    assert "error: latest is not signed with the key in" in ran.stderr.decode()


@pytest.mark.parametrize(("followed", "code"), [(1, 0), (2, 3), (0, 0)])
def test_an_older_pointer_than_the_last_one_followed_is_refused(followed, code, bootstrap, store, tmp_path):
    cache = tmp_path / "box/var/lib/diarize-runner/cache"
    cache.mkdir(parents=True)
    (cache / "serial").write_text(f"{followed}\n")

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan")

    assert ran.returncode == code, ran.stderr
    assert bool(code) == (
        "latest has serial 1, but this box last followed 2\nhint: ask the store's owner" in ran.stderr.decode()
    )
    named = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan", "--version", "1.0")
    assert named.returncode == 0, named.stderr


@pytest.mark.parametrize(("serial", "code"), [(1_000_000, 0), (1_000_001, 3)])
def test_a_pointer_with_a_too_high_serial_is_refused(serial, code, bootstrap, tmp_path):
    store = write_store(tmp_path / "high", serial=serial)

    assert bootstrap("--store", store.as_uri(), "--plan").returncode == code


def test_a_version_of_release_0_1_0_is_refused_with_a_hint_to_its_own_script(bootstrap, store, tmp_path):
    manifest = Path(__file__).parents[1] / "vectors/version-1/manifest-with-wheels.json"
    version = json.loads(manifest.read_text())["version"]
    (store / f"v{version}").mkdir(exist_ok=True)
    (store / f"v{version}/manifest.json").write_bytes(manifest.read_bytes())

    ran = bootstrap("--store", store.as_uri(), "--version", version, "--plan")

    assert ran.returncode == 3
    assert f"for a version of release 0.1.0, run {store.as_uri()}/v{version}/bootstrap.sh" in ran.stderr.decode()
