"""Imports of libraries see no file or setting of the caller, and the caller's state is restored."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tracing import require_strace, traced

from diarize_runner.diarization.isolation import isolated_directories

HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@pytest.fixture(autouse=True)
def hostile_folder(tmp_path, monkeypatch):
    """Make one folder the working folder, the home and the target of every variable."""
    folder = tmp_path / "hostile"
    (folder / "org/name").mkdir(parents=True)
    for name in (*HOMES, "PATH", "PYANNOTE_DATABASE_CONFIG", "MATPLOTLIBRC", "FSSPEC_CONFIG_DIR", "FSSPEC_FILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("MPLBACKEND", "module://planted")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.chdir(folder)
    return folder


def test_the_working_and_home_folders_are_empty_in_the_block_and_restored_after_it(hostile_folder):
    before = dict(os.environ)
    with isolated_directories():
        inside = Path.cwd()
        assert list(inside.iterdir()) == []
        assert inside.stat().st_mode & 0o777 == 0o700
        assert {os.environ[name] for name in (*HOMES, "PATH")} == {str(inside)}
        assert Path.home() == inside
        assert not Path("org/name").exists()
    assert Path.cwd() == hostile_folder
    assert dict(os.environ) == before
    assert not inside.exists()


def test_no_variable_refers_to_the_callers_folder(hostile_folder):
    with isolated_directories():
        referring = {name for name, value in os.environ.items() if str(hostile_folder) in value or "planted" in value}
    assert referring - {"OLDPWD", "PWD"} == set()


def test_an_error_restores_the_folder_and_the_environment(hostile_folder):
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), isolated_directories():
        raise ZeroDivisionError
    assert (Path.cwd(), dict(os.environ)) == (hostile_folder, before)


def test_a_moved_or_unreadable_working_folder_is_restored(hostile_folder):
    with isolated_directories():
        hostile_folder.chmod(0o300)
        moved = hostile_folder.rename(hostile_folder.with_name("moved"))
    assert Path.cwd() == moved


def test_blocks_can_be_nested(hostile_folder):
    with isolated_directories():
        outer = Path.cwd()
        with isolated_directories():
            assert Path.cwd() != outer
        assert Path.cwd() == Path.home() == outer
    assert Path.cwd() == hostile_folder


def test_the_matplotlib_folder_is_temporary():
    with isolated_directories():
        folder = os.environ["MPLCONFIGDIR"]
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
    assert "MPLCONFIGDIR" not in os.environ


def test_mplconfigdir_keeps_its_value(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "/somewhere")
    with isolated_directories():
        assert os.environ["MPLCONFIGDIR"] == "/somewhere"


IMPORTS = """
import sys
from contextlib import nullcontext
from diarize_runner.diarization.isolation import isolated_directories
with isolated_directories() if sys.argv[1] == "isolated" else nullcontext():
    import matplotlib
    from pyannote.database import registry
print(matplotlib.rcParams["figure.dpi"], sorted(registry.sources))
"""


@pytest.mark.parametrize(("mode", "output"), [("isolated", "100.0 []"), ("control", "7.0 ['Home', 'Planted']")])
def test_settings_in_the_working_and_home_folders_are_ignored(hostile_folder, mode, output):
    """Without isolation, matplotlib and pyannote.database do read them."""
    (hostile_folder / "matplotlibrc").write_text("figure.dpi: 7\n")
    (hostile_folder / "database.yml").write_text("Databases: {Planted: /planted}\n")
    (hostile_folder / ".pyannote").mkdir()
    (hostile_folder / ".pyannote/database.yml").write_text("Databases: {Home: /home}\n")
    clean = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "FSSPEC_FILE")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, mode],
        cwd=hostile_folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == output, done.stderr


IMPORTERS = {
    "the doctor": "from diarize_runner.doctor.device import check_device; check_device('cpu')",
    "a composed workload": "import diarize_runner.benchmark.compose.voices",
    "a score": (
        "from diarize_runner.benchmark.score import score; from pathlib import Path;"
        "from diarize_runner.diarization.turns import Diarization;"
        "score(Diarization(uri='talk', turns=(), exclusive_turns=()), Path('talk.rttm'), 2.0)"
    ),
}
LIBRARY_FILES = {"libcuda.so.1", "matplotlibrc", "database.yml"}


def tried_files(folder, script):
    """Return the LIBRARY_FILES that a script tries to open in its working folder."""
    require_strace()
    (folder / "talk.rttm").write_text("SPEAKER talk 1 0 2 <NA> <NA> ada <NA> <NA>\n")
    (folder / "database.yml").write_text("Databases: {}\n")
    (folder / "matplotlibrc").write_text("# settings\n")
    command = [sys.executable, "-c", f"import sys; sys.path[:] = filter(None, sys.path); {script}"]
    environment = {"PATH": os.defpath, "HOME": str(folder), "OMP_WAIT_POLICY": "PASSIVE"}
    found = traced(command, cwd=folder, env=environment, folder=folder.with_name("trace"))
    assert found.done.returncode == 0, found.done.stderr
    return {Path(path).name for path in found.tried if path.startswith(f"{folder}/")} & LIBRARY_FILES


@pytest.mark.long
@pytest.mark.parametrize("script", IMPORTERS.values(), ids=list(IMPORTERS))
def test_every_import_of_these_libraries_is_isolated(hostile_folder, script):
    assert tried_files(hostile_folder, script) == set()


@pytest.mark.long
def test_without_isolation_libraries_read_the_working_folder(hostile_folder):
    """Control."""
    assert tried_files(hostile_folder, "import torch, matplotlib, pyannote.database") == LIBRARY_FILES
