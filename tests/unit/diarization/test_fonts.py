"""matplotlib's list of fonts is kept between starts, in a folder and a file that only this user can write."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from diarize_runner.diarization.fonts import kept_font_list

NAME = "fontlist-v3.json"


@pytest.fixture(autouse=True)
def _no_matplotlib(monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "cache/diarize-runner"


def found(kept):
    """Return what an import in the block finds in its folder."""
    with kept_font_list(kept):
        return {path.name: path.read_text() for path in Path(os.environ["MPLCONFIGDIR"]).iterdir()}


def write(kept, text="[]", mode=0o600):
    kept.mkdir(parents=True)
    (kept / NAME).write_text(text)
    (kept / NAME).chmod(mode)


def test_a_list_that_is_written_in_the_block_is_found_by_the_next(kept):
    with kept_font_list(kept):
        Path(os.environ["MPLCONFIGDIR"], NAME).write_text("[]")
    assert found(kept) == {NAME: "[]"}


def test_the_folder_of_the_block_is_private_and_temporary(kept):
    with kept_font_list(kept):
        folder = Path(os.environ["MPLCONFIGDIR"])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
    assert "MPLCONFIGDIR" not in os.environ


def test_only_lists_are_found_and_kept(kept):
    write(kept)
    for name in ("matplotlibrc", "fontlist-v3.json.matplotlib-lock"):
        (kept / name).touch()
    assert found(kept) == {NAME: "[]"}
    with kept_font_list(kept):
        Path(os.environ["MPLCONFIGDIR"], "tex.cache").touch()
    assert not (kept / "tex.cache").exists()


@pytest.mark.parametrize("mode", [0o602, 0o666])
def test_a_list_that_others_can_write_is_not_read(kept, mode):
    write(kept, mode=mode)
    assert found(kept) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="changes the owner of a file")
def test_a_list_of_another_user_is_not_read(kept):
    write(kept)
    os.chown(kept / NAME, 12345, 12345)
    assert found(kept) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="changes the group of a file")
@pytest.mark.parametrize(("group", "names"), [(os.getegid(), {NAME}), (12345, set())])
def test_the_users_own_group_may_write_a_list_and_no_other(kept, group, names):
    write(kept, mode=0o660)
    os.chown(kept / NAME, -1, group)
    assert set(found(kept)) == names


def test_a_link_is_not_followed(kept, tmp_path):
    (tmp_path / "elsewhere").write_text("[]")
    kept.mkdir(parents=True)
    (kept / NAME).symlink_to(tmp_path / "elsewhere")
    assert found(kept) == {}


def test_a_pipe_does_not_stop_a_start(kept):
    kept.mkdir(parents=True)
    os.mkfifo(kept / NAME)
    assert found(kept) == {}


def test_a_list_that_cannot_be_kept_costs_only_time(tmp_path):
    (tmp_path / "file").touch()
    kept = tmp_path / "file/diarize-runner"
    with kept_font_list(kept):
        Path(os.environ["MPLCONFIGDIR"], NAME).write_text("[]")
    assert found(kept) == {}


def test_a_folder_that_the_environment_names_is_used(kept, monkeypatch, tmp_path):
    write(kept)
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    with kept_font_list(kept):
        assert os.environ["MPLCONFIGDIR"] == str(tmp_path)


IMPORT = """
import sys
from pathlib import Path
from diarize_runner.diarization.fonts import kept_font_list
from diarize_runner.diarization.isolation import isolated_directories
with kept_font_list(Path(sys.argv[1])), isolated_directories():
    from matplotlib.font_manager import fontManager
print(len(fontManager.ttflist))
"""


def fonts(kept):
    """Return the number of fonts that matplotlib knows in a new process."""
    done = subprocess.run([sys.executable, "-c", IMPORT, kept], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_matplotlib_reads_the_kept_list(kept):
    assert fonts(kept) > 1
    (path,) = kept.iterdir()
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "ttflist": document["ttflist"][:1]}))
    assert fonts(kept) == 1


def test_a_damaged_list_is_replaced(kept):
    assert fonts(kept) > 1
    (path,) = kept.iterdir()
    path.write_text("{")
    assert fonts(kept) > 1
    assert json.loads(path.read_text())["ttflist"]
