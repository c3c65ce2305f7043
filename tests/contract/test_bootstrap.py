"""bootstrap.sh: what it asks for, what it refuses, and that none of it runs before all of it has arrived."""

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
    """A store whose files are pinned as they should be, and hold nothing of use."""
    return write_store(tmp_path / "store")


@pytest.fixture
def bootstrap(tmp_path):
    """Return what runs a script, by default all of it, as `curl | bash -s -- ...` would."""

    def run(*arguments, script=SCRIPT, shell="bash", path=os.environ["PATH"]):
        environment = {"PATH": path, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        return subprocess.run(
            [shell, "-s", "--", *map(str, arguments)], input=script, env=environment, capture_output=True, check=False
        )

    return run


def cuts():
    lines = [at + 1 for at, byte in enumerate(SCRIPT) if byte == ord("\n")]
    return sorted({*lines[:-1], *random.Random(5).sample(range(len(SCRIPT) - 1), 200), len(SCRIPT) - 2})


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_script_that_was_cut_short_anywhere_changes_nothing(shell, bootstrap, store, tmp_path):
    arguments = ("--store", store.as_uri(), "--prefix", tmp_path / "box")
    before = tree(tmp_path)

    for cut in cuts():
        bootstrap(*arguments, script=SCRIPT[:cut], shell=shell)
        assert tree(tmp_path) == before, f"cut at {cut}"

    bootstrap(*arguments, shell=shell)
    assert tree(tmp_path) != before, "the negative control: whole, it begins its work"


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_plan_says_what_would_be_done_and_does_nothing(shell, bootstrap, store, tmp_path):
    before = tree(tmp_path)

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan", shell=shell)

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert f"version 1.0 of {store.as_uri()}" in ran.stdout.decode()
    assert f"{tmp_path}/box/opt/diarize-runner" in ran.stdout.decode()
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    {
        "an unknown option": (["--storr", "x"], "there is no option --storr"),
        "an option without its value": (["--store"], "--store needs a value"),
        "no store": (["--prefix", "/tmp/x"], "'' is not the address of a store"),
        "no address": (["--store", "models", "--prefix", "/tmp/x"], "'models' is not the address of a store"),
        "a relative prefix": (["--store", "file:///srv", "--prefix", "box"], "--prefix box is no absolute path"),
        "a key that is not there": (
            ["--store", "file:///srv", "--prefix", "/tmp/x", "--public-key", "/nowhere"],
            "there is no file /nowhere",
        ),
    }.values(),
)
def test_a_command_line_that_makes_no_sense_is_told_so(arguments, said, bootstrap, tmp_path):
    ran = bootstrap(*arguments)

    assert ran.returncode == 2
    assert ran.stderr.decode().startswith(f"error: {said}\nhint: ")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("scheme", ["https", "s3", "ftp"])
def test_an_address_that_holds_a_password_is_refused_and_not_repeated(scheme, bootstrap, tmp_path):
    ran = bootstrap("--store", f"{scheme}://me:hunter2@host/models", "--prefix", tmp_path / "box")

    assert ran.returncode == 2
    assert ran.stderr.decode().startswith("error: the address of a store holds no user and no password\nhint: ")
    assert b"hunter2" not in ran.stdout + ran.stderr
    assert tree(tmp_path) == {}


ALTERED = {
    "the manifest": ("v1.0/manifest.json", "is not the manifest that latest names"),
    "the pointer": ("latest/manifest.json", "is no pointer"),
    "the toolkit": ("v1.0/toolkit.tar", "v1.0/toolkit.tar is not what the manifest says"),
    "a wheel": (f"wheels/sha256/{hashlib.sha256(b'wheel').hexdigest()}/{WHEEL}", "is not what the manifest says"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_in_the_store_is_refused_before_anything_is_run(what, bootstrap, store, tmp_path):
    path, said = ALTERED[what]
    (store / path).write_bytes(b"x" + (store / path).read_bytes()[1:])

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box")

    assert ran.returncode == 3
    assert said in ran.stderr.decode()
    left = {Path(found).name for found, kind in tree(tmp_path / "box").items() if kind != "folder"}
    assert Path(path).name not in left
    assert not any(name.endswith(".part") for name in left)


def test_a_version_that_is_not_there_is_an_error_and_leaves_nothing(bootstrap, store, tmp_path):
    before = tree(tmp_path)

    ran = bootstrap("--store", store.as_uri(), "--version", "7", "--prefix", tmp_path / "box")

    assert ran.returncode == 1
    assert f"error: {store.as_uri()}/v7/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()
    assert tree(tmp_path) == before


def test_without_python_the_script_says_so(bootstrap, store, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("uname", "bash", "id"):
        (tools / name).symlink_to(f"/usr/bin/{name}")

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", path=str(tools), shell="/bin/bash")

    assert (ran.returncode, ran.stderr) == (1, b"error: there is no python3 here\nhint: install Python 3.10 to 3.13\n")


@pytest.mark.parametrize("signed", [True, False])
def test_a_signature_that_is_wanted_is_required(signed, bootstrap, store, tmp_path):
    key = sign(store, tmp_path)
    if not signed:
        (store / "v1.0/manifest.json.sig").write_bytes(b"\0" * 64)

    ran = bootstrap("--store", store.as_uri(), "--public-key", key, "--plan")

    assert ran.returncode == (0 if signed else 3), ran.stderr
    assert signed or "error: version 1.0 is not signed by the key in" in ran.stderr.decode()


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
    assert "error: latest is not signed by the key in" in ran.stderr.decode()


@pytest.mark.parametrize(("followed", "code"), [(1, 0), (2, 3), (0, 0)])
def test_a_pointer_that_is_older_than_the_one_this_box_followed_is_refused(followed, code, bootstrap, store, tmp_path):
    cache = tmp_path / "box/var/lib/diarize-runner/cache"
    cache.mkdir(parents=True)
    (cache / "serial").write_text(f"{followed}\n")

    ran = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan")

    assert ran.returncode == code, ran.stderr
    assert bool(code) == ("latest has serial 1, and this box has followed 2\nhint: ask who" in ran.stderr.decode())
    named = bootstrap("--store", store.as_uri(), "--prefix", tmp_path / "box", "--plan", "--version", "1.0")
    assert named.returncode == 0, named.stderr


@pytest.mark.parametrize(("serial", "code"), [(1_000_000, 0), (1_000_001, 3)])
def test_a_pointer_that_rises_too_far_is_refused(serial, code, bootstrap, tmp_path):
    store = write_store(tmp_path / "high", serial=serial)

    assert bootstrap("--store", store.as_uri(), "--plan").returncode == code


def test_a_version_of_release_0_1_0_is_refused_with_the_script_that_it_has_itself(bootstrap, store, tmp_path):
    manifest = Path(__file__).parents[1] / "vectors/version-1/manifest-with-wheels.json"
    version = json.loads(manifest.read_text())["version"]
    (store / f"v{version}").mkdir(exist_ok=True)
    (store / f"v{version}/manifest.json").write_bytes(manifest.read_bytes())

    ran = bootstrap("--store", store.as_uri(), "--version", version, "--plan")

    assert ran.returncode == 3
    assert f"a version of release 0.1.0 has its own: {store.as_uri()}/v{version}/bootstrap.sh" in ran.stderr.decode()
