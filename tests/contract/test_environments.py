"""make_environment.py installs exactly the lock, whatever the configuration of pip, uv and Python."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import ROOT
from support.wheels import pinned, write_wheel

SCRIPT = ROOT / "roles/python_env/files/make_environment.py"
UV = Path(sys.executable).parent / "uv"
LISTING = "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions()))"
EXPECTED = ["diarize_runner==9.0", "speech==1.0"]


@pytest.fixture
def box(tmp_path):
    """A folder of wheels with its lock, and other wheels that must not be installed."""
    wheels, theirs = tmp_path / "wheels", tmp_path / "theirs"
    (tmp_path / "lock.txt").write_text(pinned(write_wheel(wheels, "speech", "1.0", {})))
    write_wheel(wheels, "diarize_runner", "9.0", {})
    newer = write_wheel(theirs, "speech", "2.0", {})
    (tmp_path / "override.txt").write_text(f"speech @ {newer.as_uri()} --hash={pinned(newer).partition('--hash=')[2]}")
    for folder in ("home", "work"):
        (tmp_path / folder).mkdir()
    return tmp_path


def make(box, script=None, **variables):
    """Make the environment as Ansible and bootstrap.sh do; return the finished process."""
    arguments = [f"--under={box}/made", f"--lock={box}/lock.txt", f"--wheels={box}/wheels", f"--uv={UV}"]
    return subprocess.run(
        ["python3", "-I", "-", *arguments, f"--package={box}/wheels/diarize_runner-9.0-py3-none-any.whl"],
        input=script or SCRIPT.read_text(),
        env={"PATH": os.environ["PATH"], "HOME": str(box / "home"), **variables},
        cwd=box / "work",
        capture_output=True,
        text=True,
        check=False,
    )


def installed(box, ran):
    """Return the installed packages; empty without an environment."""
    if ran.returncode:
        return []
    python = f"{json.loads(ran.stdout)['folder']}/bin/python"
    return subprocess.run([python, "-I", "-c", LISTING], capture_output=True, text=True, check=True).stdout.split()


VARIABLES = {
    "another version": {"UV_OVERRIDE": "{box}/override.txt"},
    "no version": {"UV_CONSTRAINT": "{box}/nowhere.txt"},
    "a configuration": {"UV_CONFIG_FILE": "{box}/nowhere.toml"},
}
HARMLESS = {
    "another place": {"UV_TARGET": "{box}/elsewhere", "UV_PREFIX": "{box}/elsewhere"},
    "an index": {"UV_INDEX": "http://127.0.0.1:1/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple"},
    "an index for pip": {"PIP_INDEX_URL": "http://127.0.0.1:1", "PIP_CONFIG_FILE": "{box}/nowhere"},
    "modules": {"PYTHONPATH": "{box}/work", "PYTHONSTARTUP": "{box}/work/json.py"},
}
UNGUARDED = ("        clear_settings()\n", "        pass\n")


def variables_for(variables, box):
    return {name: value.format(box=box) for name, value in variables.items()}


def plant_modules(folder):
    for name in ("json", "venv", "ensurepip", "argparse"):
        (folder / f"{name}.py").write_text("raise SystemExit('planted')\n")


@pytest.mark.parametrize("what", [*VARIABLES, *HARMLESS])
def test_variables_do_not_change_what_is_installed(what, box):
    plant_modules(box / "work")

    ran = make(box, **variables_for({**VARIABLES, **HARMLESS}[what], box))

    assert installed(box, ran) == EXPECTED, ran.stderr
    assert not (box / "elsewhere").exists()


@pytest.mark.parametrize("what", VARIABLES)
def test_without_protection_each_variable_changes_it(what, box):
    guarded = SCRIPT.read_text()
    assert guarded.count(UNGUARDED[0]) == 1

    ran = make(box, guarded.replace(*UNGUARDED), **variables_for(VARIABLES[what], box))

    assert installed(box, ran) != EXPECTED, "control"


OVERRIDDEN = '[pip]\ntarget = "{box}/elsewhere"\n'
PLACES = {"home": "home/.config/uv/uv.toml", "the working folder": "work/uv.toml"}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_configuration_files_do_not_change_what_is_installed(guarded, where, box):
    path = box / PLACES[where]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(OVERRIDDEN.format(box=box))
    script = SCRIPT.read_text()
    assert script.count('"--no-config", ') == 1

    ran = make(box, script if guarded else script.replace('"--no-config", ', ""))

    assert (installed(box, ran) == EXPECTED) is guarded, ran.stderr


def test_nothing_is_built_from_source(box):
    (box / "wheels/speech-1.0-py3-none-any.whl").unlink()
    source = box / "wheels/speech-1.0.tar.gz"
    source.write_bytes(b"never opened")
    (box / "lock.txt").write_text(pinned(write_wheel(box / "theirs", "speech", "1.0", {})))

    ran = make(box)

    assert ran.returncode == 1
    assert installed(box, ran) == []


def test_the_image_of_the_trial_mount_is_made_as_the_readme_of_its_role_says(tmp_path):
    if not shutil.which("mksquashfs"):
        pytest.skip("mksquashfs is not installed: run scripts/install-test-packages.sh")
    readme = (ROOT / "roles/python_env/README.md").read_text()
    (command,) = re.findall(r"`(mksquashfs FOLDER IMAGE [^`]+)`", readme)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/readable").write_text("an image of squashfs with zstd\n" * 40)
    places = {"FOLDER": str(tmp_path / "folder"), "IMAGE": str(tmp_path / "image")}
    made = [places.get(word, word) for word in command.split()]

    subprocess.run(made, check=True, capture_output=True)

    kept = base64.b64decode((ROOT / "roles/python_env/files/trial.squashfs.base64").read_text())
    assert (tmp_path / "image").read_bytes().rstrip(b"\0") == kept
