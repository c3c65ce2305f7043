"""The scripts of the roles runner and spool: check mode, kills and second runs."""

import json
import os
import pwd
import stat
import subprocess
import sys

import pytest
from support.command import ROOT


def run(script, *arguments):
    line = [sys.executable, "-I", ROOT / script, *arguments]
    ran = subprocess.run(line, capture_output=True, text=True, check=False, umask=0o077)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture
def home(tmp_path):
    """A home with the current release one, the previous release zero, and leftovers."""
    for name in (
        "releases/zero",
        "releases/one",
        "releases/two",
        "releases/.two.uv-cache",
        "toolkits/t",
        "toolkits/old",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "inputs/2.0").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/one")
    (tmp_path / "previous").symlink_to("releases/zero")
    return tmp_path


def use(home, release, *more):
    options = [f"--home={home}", f"--release={release}", "--toolkit=t", "--inputs=2.0"]
    return run("roles/runner/files/use_release.py", *options, *more)


def names(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_a_new_release_becomes_current_and_only_the_release_before_is_kept(home):
    assert use(home, "two")["changed"] is True

    assert [str((home / name).readlink()) for name in ("current", "previous")] == ["releases/two", "releases/one"]
    kept = ["inputs/2.0", "releases/one", "releases/two", "toolkits/t"]
    assert names(home) == sorted(["current", "previous", "inputs", "releases", "toolkits", *kept])
    assert use(home, "two") == {"changed": False, "removed": [], "kept": ["one", "two"]}


def test_a_plan_predicts_the_removed_folders_and_changes_nothing(home):
    before = names(home)

    plan = use(home, "two", "--plan")

    assert names(home) == before
    assert str((home / "current").readlink()) == "releases/one"
    assert plan == use(home, "two")


def test_a_link_that_a_killed_run_left_is_replaced(home):
    (home / "releases/.fresh-link").symlink_to("releases/one")

    use(home, "two")

    assert not (home / "releases/.fresh-link").is_symlink()
    assert str((home / "current").readlink()) == "releases/two"


def test_a_plan_for_a_box_without_anything_predicts_a_change(tmp_path):
    assert use(tmp_path / "box", "one", "--plan") == {"changed": True, "removed": [], "kept": ["one"]}
    assert not (tmp_path / "box").exists()


def test_the_folders_of_the_spool_are_created_and_corrected(tmp_path):
    spool, user = tmp_path / "var/spool", pwd.getpwuid(os.getuid()).pw_name
    arguments = ("roles/spool/files/create_spool.py", spool, user, "inbox=3770", "claimed=0700")
    every = [str(spool), str(spool / "inbox"), str(spool / "claimed")]

    assert run(*arguments, "--plan") == {"changed": every}
    assert not spool.exists()
    assert run(*arguments) == {"changed": every}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (spool.parent, spool, spool / "inbox")] == [
        0o755,
        0o755,
        0o3770,
    ]
    assert run(*arguments) == {"changed": []}
    (spool / "inbox").chmod(0o777)
    assert run(*arguments, "--plan") == run(*arguments) == {"changed": [str(spool / "inbox")]}


def test_a_plan_for_a_user_that_does_not_exist_predicts_its_folders(tmp_path):
    planned = run("roles/spool/files/create_spool.py", tmp_path, "nobody-yet", "inbox=3770", "--plan")

    assert str(tmp_path / "inbox") in planned["changed"]
