"""Under a prefix on this machine, the playbooks work whatever its path, the clone's path and the umask are.

The toolkit is a stand-in.
"""

import json
import stat
import subprocess

import pytest
from support.command import ROOT
from support.stand_in import Shelf

pytestmark = pytest.mark.scenario

ODD = "Büro d'Été, two  words"


@pytest.fixture
def play(tmp_path):
    """Run a playbook of a clone with an odd path, under umask 077, for a box with an odd prefix."""
    clone = tmp_path / f"clone of {ODD}"
    clone.symlink_to(ROOT)
    shelf = Shelf(folder=tmp_path / "shelf")
    shelf.publish("1.0", "echo heard: $(cat)")
    variables = {**shelf.variables, "diarize_runner_prefix": str(tmp_path / "prefixes" / ODD)}

    def play(name):
        line = [clone / ".venv/bin/python", "-I", "-m", "ansible", "playbook", clone / f"playbooks/{name}.yml"]
        line += ["--extra-vars", json.dumps(variables)]
        ran = subprocess.run(line, cwd=clone, capture_output=True, text=True, check=False, umask=0o077)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    return play


def unreadable(folder):
    """Return the paths under `folder` that other users cannot read, without the lock files."""
    modes = {path: path.lstat().st_mode for path in [folder, *folder.rglob("*")]}
    need = {path: 0o005 if stat.S_ISDIR(mode) else 0o004 for path, mode in modes.items()}
    return [path for path, mode in modes.items() if mode & need[path] != need[path] and not path.name.endswith("lock")]


def test_a_box_under_an_odd_prefix_is_readable_by_all_users_and_reset_leaves_nothing(play, tmp_path):
    prefixes = tmp_path / "prefixes"

    play("provision")

    box = prefixes / ODD
    command = [box / "opt/diarize-runner/current/bin/diarize-runner", "diarize", "/dev/null"]
    command += ["--cache", box / "var/lib/diarize-runner/cache"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "heard:\n"
    assert unreadable(prefixes) == []
    play("reset")
    assert not prefixes.exists()
