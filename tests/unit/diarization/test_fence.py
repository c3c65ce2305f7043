"""While a library is imported, nothing of the caller's is in reach, and afterwards all is as it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tracing import require_strace, traced

from diarize_runner.diarization.fence import fenced

HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@pytest.fixture(autouse=True)
def hostile(tmp_path, monkeypatch):
    """Work in a folder that is home too, and that every variable leads to."""
    folder = tmp_path / "hostile"
    (folder / "org/name").mkdir(parents=True)
    for name in (*HOMES, "PATH", "PYANNOTE_DATABASE_CONFIG", "MATPLOTLIBRC", "FSSPEC_CONFIG_DIR", "FSSPEC_FILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("MPLBACKEND", "module://planted")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.chdir(folder)
    return folder


def test_the_working_folder_and_home_are_empty_inside_and_back_afterwards(hostile):
    before = dict(os.environ)
    with fenced():
        inside = Path.cwd()
        assert list(inside.iterdir()) == []
        assert inside.stat().st_mode & 0o777 == 0o700
        assert {os.environ[name] for name in (*HOMES, "PATH")} == {str(inside)}
        assert Path.home() == inside
        assert not Path("org/name").exists()
    assert Path.cwd() == hostile
    assert dict(os.environ) == before
    assert not inside.exists()


def test_no_variable_leads_a_library_elsewhere(hostile):
    with fenced():
        leading = {name for name, value in os.environ.items() if str(hostile) in value or "planted" in value}
    assert leading - {"OLDPWD", "PWD"} == set()


def test_all_is_as_it_was_after_an_error_too(hostile):
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), fenced():
        raise ZeroDivisionError
    assert (Path.cwd(), dict(os.environ)) == (hostile, before)


def test_a_working_folder_that_was_moved_or_cannot_be_listed_is_come_back_to(hostile):
    with fenced():
        hostile.chmod(0o300)
        moved = hostile.rename(hostile.with_name("moved"))
    assert Path.cwd() == moved


def test_a_fence_within_a_fence_ends_by_itself(hostile):
    with fenced():
        outer = Path.cwd()
        with fenced():
            assert Path.cwd() != outer
        assert Path.cwd() == Path.home() == outer
    assert Path.cwd() == hostile


def test_loading_leaves_no_list_of_fonts_behind():
    with fenced():
        folder = os.environ["MPLCONFIGDIR"]
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
    assert "MPLCONFIGDIR" not in os.environ


def test_whoever_says_where_fonts_are_listed_is_heeded(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "/somewhere")
    with fenced():
        assert os.environ["MPLCONFIGDIR"] == "/somewhere"


IMPORTS = """
import sys
from contextlib import nullcontext
from diarize_runner.diarization.fence import fenced
with fenced() if sys.argv[1] == "fenced" else nullcontext():
    import matplotlib
    from pyannote.database import registry
print(matplotlib.rcParams["figure.dpi"], sorted(registry.sources))
"""


@pytest.mark.parametrize(("how", "said"), [("fenced", "100.0 []"), ("not", "7.0 ['Home', 'Planted']")])
def test_settings_in_the_working_folder_and_at_home_are_heeded_by_nobody(hostile, how, said):
    """Those of matplotlib and of pyannote.database: without the fence, which is the control, both heed them."""
    (hostile / "matplotlibrc").write_text("figure.dpi: 7\n")
    (hostile / "database.yml").write_text("Databases: {Planted: /planted}\n")
    (hostile / ".pyannote").mkdir()
    (hostile / ".pyannote/database.yml").write_text("Databases: {Home: /home}\n")
    clean = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "FSSPEC_FILE")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, how], cwd=hostile, env=clean, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == said, done.stderr


IMPORTERS = {
    "the doctor": "from diarize_runner.doctor.device import look_at_device; look_at_device('cpu')",
    "a composed workload": "import diarize_runner.benchmark.compose.voices",
    "a score": (
        "from diarize_runner.benchmark.score import score; from pathlib import Path;"
        "from diarize_runner.diarization.turns import Diarization;"
        "score(Diarization(uri='talk', turns=(), exclusive_turns=()), Path('talk.rttm'), 2.0)"
    ),
}
READ_THERE = {"libcuda.so.1", "matplotlibrc", "database.yml"}


def touched(folder, script):
    """Return which of the files that libraries read in a working folder were tried, by what a script imports."""
    require_strace()
    (folder / "talk.rttm").write_text("SPEAKER talk 1 0 2 <NA> <NA> ada <NA> <NA>\n")
    (folder / "database.yml").write_text("Databases: {}\n")
    (folder / "matplotlibrc").write_text("# settings\n")
    command = [sys.executable, "-c", f"import sys; sys.path[:] = filter(None, sys.path); {script}"]
    environment = {"PATH": os.defpath, "HOME": str(folder), "OMP_WAIT_POLICY": "PASSIVE"}
    found = traced(command, cwd=folder, env=environment, folder=folder.with_name("trace"))
    assert found.done.returncode == 0, found.done.stderr
    return {Path(path).name for path in found.tried if path.startswith(f"{folder}/")} & READ_THERE


@pytest.mark.parametrize("script", IMPORTERS.values(), ids=list(IMPORTERS))
def test_whatever_imports_a_library_does_so_inside_the_fence(hostile, script):
    assert touched(hostile, script) == set()


def test_outside_of_it_they_read_the_working_folder(hostile):
    """The control."""
    assert touched(hostile, "import torch, matplotlib, pyannote.database") == READ_THERE
