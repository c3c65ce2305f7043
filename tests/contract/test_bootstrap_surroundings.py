"""bootstrap.sh with files planted in the working folder and on PATH, and with hostile environment variables."""

import os
import re
import shutil
import subprocess

import pytest
from support.bootstrap import SCRIPT, command, environment, write_store
from support.caches import tree
from support.command import ROOT

PROGRAMS = sorted(word for word in set(re.findall(r"[a-z][a-z0-9]+", SCRIPT.decode())) if shutil.which(word))
"""Words of the script that are programs on this machine."""
MODULES = ("json", "re", "argparse", "pathlib", "subprocess", "hashlib", "venv", "ansible", "sitecustomize")


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "store").as_uri()


@pytest.fixture
def planted(tmp_path):
    """A folder of programs and modules that record being run."""
    folder, executed = tmp_path / "theirs", tmp_path / "executed"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f'#!/bin/sh\necho {name} >>{executed}\nexec /usr/bin/{name} "$@"\n')
        (folder / name).chmod(0o755)
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(executed)!r}, 'a').write('{name}.py\\n')\n")
    return folder


@pytest.fixture
def bootstrap(tmp_path, planted, store):
    """Run the script in the planted folder."""

    def run(*arguments, shell="bash", **more):
        line = command("--store", store, "--prefix", tmp_path / "box", *arguments, shell=shutil.which(shell))
        variables = environment(tmp_path, **more)
        return subprocess.run(line, input=SCRIPT, env=variables, cwd=planted, capture_output=True, check=False)

    return run


def executed(tmp_path):
    path = tmp_path / "executed"
    return set(path.read_text().split()) if path.exists() else set()


def test_the_planted_programs_are_those_of_the_script():
    assert {"curl", "python3", "sha256sum", "mktemp", "tar", "flock", "find", "env", "sed", "prlimit"} <= set(PROGRAMS)


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("arguments", [["--plan"], [], ["--uninstall"]], ids=["plan", "provision", "uninstall"])
def test_modules_in_the_working_folder_are_not_imported(arguments, shell, bootstrap, tmp_path):
    if "--uninstall" in arguments:
        assert bootstrap().returncode == 0

    ran = bootstrap(*arguments, shell=shell)

    assert ran.returncode == 0, ran.stderr
    assert executed(tmp_path) == set()


def test_without_protection_the_planted_modules_are_imported(planted, tmp_path):
    subprocess.run(["python3", "-"], input=b"import json, argparse", cwd=planted, check=False)

    assert {"json.py", "argparse.py"} <= executed(tmp_path), "control"


PATHS = {
    "the working folder": ".",
    "an empty part, the working folder": "",
    "a relative folder": "../theirs",
    "a world-writable folder": "{planted}",
    "a folder like /tmp": "{planted}",
}
MODES = {"a world-writable folder": 0o777, "a folder like /tmp": 0o1777}


@pytest.mark.parametrize(
    ("where", "shell"), [*((where, "bash") for where in PATHS), ("an empty part, the working folder", "dash")]
)
def test_programs_in_folders_that_others_can_write_are_not_run(where, shell, bootstrap, planted, tmp_path):
    planted.chmod(MODES.get(where, 0o755))
    path = f"{PATHS[where].format(planted=planted)}:{os.environ['PATH']}"

    ran = bootstrap(shell=shell, PATH=path)

    assert ran.returncode == 0, ran.stderr
    assert executed(tmp_path) == set()


def test_a_private_folder_on_path_is_used(bootstrap, planted, tmp_path):
    ran = bootstrap("--plan", PATH=f"{planted}:{os.environ['PATH']}")

    assert ran.returncode == 0, ran.stderr
    assert {"curl", "python3", "sha256sum", "mktemp", "prlimit"} <= executed(tmp_path), "control"


def test_variables_of_python_pip_uv_and_tar_are_ignored(bootstrap, planted, tmp_path):
    ran = bootstrap(
        PYTHONPATH=str(planted),
        PYTHONHOME="/nowhere",
        PIP_INDEX_URL="http://127.0.0.1:1",
        UV_INDEX="http://127.0.0.1:1",
        UV_CONFIG_FILE="/nowhere",
        TAR_OPTIONS=f"--checkpoint=1 --checkpoint-action=exec={planted}/id",
        NAMES="two lines\nPIP_TARGET=/nowhere",
    )

    assert ran.returncode == 0, ran.stderr
    assert executed(tmp_path) == set()
    recorded = (tmp_path / "box/opt/diarize-runner/environment").read_text()
    assert not re.search(r"^(PYTHON|PIP_I|UV_|TAR_)", recorded, re.MULTILINE)
    assert "two lines" in recorded


@pytest.mark.parametrize("where", [".", "{tmp_path}/shared", "{tmp_path}/like-tmp"])
def test_temporary_files_are_in_a_folder_that_no_other_user_can_change(where, bootstrap, planted, tmp_path):
    for name, mode in {"shared": 0o777, "like-tmp": 0o1777}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    where = where.format(tmp_path=tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/awk").write_text(f'#!/bin/sh\necho "$2" >{tmp_path}/work\nexec /usr/bin/awk "$@"\n')
    (tmp_path / "bin/awk").chmod(0o755)

    ran = bootstrap("--plan", PATH=f"{tmp_path}/bin:{os.environ['PATH']}", TMPDIR=where)

    assert ran.returncode == 0, ran.stderr
    used = (tmp_path / "work").read_text().rpartition("/diarize-runner.")[0]
    assert used == (where if "like-tmp" in where else "/tmp")


def test_temporary_files_are_private(bootstrap, planted, tmp_path):
    looking = tmp_path / "bin"
    looking.mkdir()
    look = f"ls -ld {tmp_path}/diarize-runner.* >{tmp_path}/listed"
    (looking / "awk").write_text(f'#!/bin/sh\n{look}\nexec /usr/bin/awk "$@"\n')
    (looking / "awk").chmod(0o755)

    ran = bootstrap("--plan", PATH=f"{looking}:{os.environ['PATH']}")

    assert ran.returncode == 0, ran.stderr
    listed = (tmp_path / "listed").read_text()
    assert listed.startswith("drwx------")
    assert re.search(r"/diarize-runner\.\w{10}$", listed.strip())
    assert not [path for path in tree(tmp_path) if path.startswith("diarize-runner.")]


OURS = [*ROOT.glob("scripts/*.sh"), *ROOT.glob("roles/**/*.py"), *ROOT.glob("roles/**/*.yml")]
STARTS_PYTHON = re.compile(
    r"""(?:python3|"python\$version"|"\$python"|bin/python"?|_python(?:[ ]\}\}"?|(?=,[ ]'))|sys\.executable)
        (?:\n\s+-[ ])? ['",\s]+ (?!--) (-\w*)""",
    re.VERBOSE,
)
"""Matches Python under each of its names."""


def test_every_python_started_by_a_script_or_role_ignores_the_working_folder():
    started = [found for path in OURS for found in STARTS_PYTHON.finditer(path.read_text())]

    assert len(started) > 10, "they are found"
    assert [found[0] for found in started if found[1] != "-I"] == []
