"""Lines that bootstrap.sh prints can be pasted, whatever the prefix is. The toolkit is a stand-in."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.bootstrap import SCRIPT, command, environment, write_store
from support.caches import tree
from support.web import files, serving

ODD = "Büro d'Été, two  words"


@pytest.fixture
def store(tmp_path):
    folder = write_store(tmp_path / "store")
    (folder / "latest/bootstrap.sh").write_bytes(SCRIPT)
    return folder


@pytest.fixture
def served(store):
    with serving(files(store)) as server:
        yield server.url


@pytest.fixture
def bootstrap(tmp_path, served):
    """Run the script with a store and a prefix of the given name."""

    def run(*arguments, name="box", shell="bash", **more):
        line = command("--store", served, "--prefix", tmp_path / name, *arguments, shell=shell)
        return subprocess.run(
            line, input=SCRIPT, env=environment(tmp_path, **more), cwd=tmp_path, capture_output=True, check=False
        )

    return run


def next_steps(ran):
    """Return the lines at the end, by their first word."""
    _, _, end = ran.stderr.decode().partition("== version 1.0 is installed\n")
    return {name: rest.strip() for name, _, rest in (line.strip().partition(" ") for line in end.splitlines())}


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_end_says_where_things_are_and_what_to_do_next(shell, bootstrap, tmp_path):
    before = tree(tmp_path)
    box = tmp_path / ODD

    steps = next_steps(bootstrap("--device", "cpu", name=ODD, shell=shell))

    cache = f"{box}/var/lib/diarize-runner/cache"
    program = f"{box}/opt/diarize-runner/current/bin/diarize-runner"
    assert (steps["command"], steps["models"]) == (program, cache)
    assert shlex.split(steps["check"]) == [program, "doctor", "--cache", cache]
    assert shlex.split(steps["diarize"])[:3] == [program, "diarize", "call.wav"]
    for step in ("update", "remove"):
        ran = subprocess.run(steps[step], shell=True, env=environment(tmp_path), capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
    assert tree(tmp_path) == before


def test_the_hint_of_a_failure_repeats_the_options(bootstrap, served, store, tmp_path):
    (store / "v1.0/toolkit.tar").rename(store / "away")

    ran = bootstrap("--transcribe", "--device", "cpu", name=ODD)
    (store / "away").rename(store / "v1.0/toolkit.tar")

    (line,) = re.findall(r"then run again: (.*)", ran.stderr.decode())
    assert shlex.split(line.partition("|")[2])[3:] == [
        *("--store", served),
        *("--prefix", str(tmp_path / ODD)),
        *("--device", "cpu"),
        "--transcribe",
    ]
    assert subprocess.run(line, shell=True, env=environment(tmp_path), capture_output=True, check=False).returncode == 0


def test_the_undo_line_of_a_plan_repeats_the_prefix(bootstrap, tmp_path):
    (undo,) = re.findall(r"undo +(.*)", bootstrap("--plan", name="my box").stdout.decode())

    assert undo.endswith(f" --prefix '{tmp_path}/my box' --uninstall")


@pytest.mark.parametrize("character", ["$", '"', "\\", "`", ":", "{", "\n"])
def test_a_prefix_that_cannot_work_is_refused(character, bootstrap, tmp_path):
    ran = bootstrap(name=f"box{character}es")

    assert ran.returncode == 2
    assert ran.stderr.startswith(b"error: --prefix contains a character of ")
    assert not (tmp_path / f"box{character}es").exists()


UNKNOWN = {"LC_ALL": "xx_XX.UTF-8", "LANG": "xx_XX.UTF-8"}


def test_a_locale_that_this_machine_does_not_have_does_not_reach_ansible(bootstrap, tmp_path):
    """The control: Ansible fails with it."""
    line = [Path(sys.executable).with_name("ansible"), "--version"]
    control = subprocess.run(line, env={**os.environ, **UNKNOWN}, capture_output=True, text=True, check=False)
    assert "unsupported locale setting" in control.stdout + control.stderr

    ran = bootstrap(**UNKNOWN)

    assert ran.returncode == 0, ran.stderr
    assert "\nLC_ALL=C.UTF-8\n" in (tmp_path / "box/opt/diarize-runner/environment").read_text()
