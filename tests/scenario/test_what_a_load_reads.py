"""strace shows that verifying, loading and diarizing read only the cache, Python and a short list of system files.

The command runs in a working folder, and with a home, that contain every file its libraries would look for.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.planted import plant_home, plant_working_folder
from support.tracing import require_strace, traced

from diarize_runner.cache.box.folder import find_cache, read_manifest

pytestmark = pytest.mark.scenario

SYSTEM_PATHS = {
    "/": "the decoder's working folder, which Python lists",
    "/dev/null": "stands for an empty settings file",
    "/dev/shm/sem.": "semaphores of OpenMP's threads",
    "/dev/urandom": "random numbers",
    "/etc/ld.so.cache": "library paths for the dynamic linker",
    "/etc/locale.alias": "language names, for error messages",
    "/etc/nsswitch.conf": "user lookup",
    "/etc/passwd": "user lookup",
    "/etc/ssl/openssl.cnf": "settings of the system's OpenSSL, which Python's ssl imports",
    "/lib": "system libraries",
    "/proc": "information about this machine and process",
    "/run/systemd/userdb": "user lookup",
    "/sys": "number of processors",
    "/usr/lib": "system libraries, locales, OpenSSL's settings",
    "/usr/local/share/fonts": "system fonts, which matplotlib lists",
    "/usr/share/fonts": "system fonts",
    "/usr/share/locale": "language names, for error messages",
    "/usr/share/zoneinfo": "time zones",
}
"""Paths, each with its purpose; one that ends in a dot is a prefix.

Only root can write to them, except to /dev/shm, where each name is new.
"""

PYTHON_FOLDERS = """
import diarize_runner, json, os, sys
print(json.dumps([os.path.realpath(each) for each in (sys.prefix, sys.base_prefix, diarize_runner.__path__[0])]))
"""
WITHOUT_ISOLATION = """
from contextlib import suppress
for name in ("av", "matplotlib", "pyannote.database", "torch"):
    with suppress(Exception):
        __import__(name)
"""


GNUTLS = Path("/tmp/vendor/etc/gnutls/config")
"""The settings path of the GnuTLS in PyAV's wheels; any user can write there."""


@dataclass(frozen=True, kw_only=True)
class PlantedSite:
    """A working folder and a home with planted files."""

    folder: Path
    working: Path
    home: Path
    variables: dict[str, str]

    def is_expected(self, path):
        """Whether the command may open a path: the recording, and the processing times in its own cache folder."""
        cache = f"{self.home}/.cache/diarize-runner"
        return path in (f"{self.working}/call.wav", cache) or path.startswith(f"{cache}/")

    def run(self, *command):
        return traced(command, cwd=self.working, env=self.variables, folder=self.folder / "trace")

    def unexpected(self, found):
        """Return the paths in the planted folders that were opened or tried, except the expected ones."""
        planted = (f"{self.working}/", f"{self.home}/")
        return {path for path in found.tried | found.opened if path.startswith(planted) and not self.is_expected(path)}


@pytest.fixture
def gnutls():
    """Plant settings of GnuTLS, unless they exist."""
    if GNUTLS.exists():
        yield
        return
    GNUTLS.parent.mkdir(parents=True)
    GNUTLS.write_text("# planted\n")
    yield
    shutil.rmtree(GNUTLS.parents[2])


@pytest.fixture
def planted(demo, tmp_path, gnutls):
    """A planted site with the demo's recording."""
    require_strace()
    working, home, temporary = (tmp_path / name for name in ("recordings", "home", "tmp"))
    for each in (working, home, temporary):
        each.mkdir()
    plant_working_folder(working, [repo.repo_id for repo in read_manifest(find_cache(demo.cache)).repos])
    (working / "call.wav").write_bytes((demo.out / "sample.wav").read_bytes())
    path = os.pathsep.join((f"{home}/bin", os.environ["PATH"]))
    variables = {**plant_home(home), "PATH": path, "TMPDIR": str(temporary)}
    return PlantedSite(folder=tmp_path, working=working, home=home, variables=variables)


def within(path, known):
    """Whether a path is one of the known paths, lies in one, or has one that ends in a dot or a slash as a prefix."""
    return any(
        path == each or path.startswith(each if each[-1] in "./" and each != "/" else f"{each}/") for each in known
    )


def python_folders(python):
    """Return the folders of an interpreter, its packages and this package."""
    done = subprocess.run([python, "-c", PYTHON_FOLDERS], capture_output=True, text=True, check=True, cwd="/")
    return json.loads(done.stdout)


def test_a_load_reads_only_the_cache_python_and_the_system(demo, planted):
    command = ("diarize", "call.wav", "--cache", demo.cache, "--device", "cpu")

    found = planted.run(demo.bin / "diarize-runner", *command)

    assert found.done.returncode == 0, found.done.stderr
    assert "SPEAKER_01" in found.done.stdout
    assert planted.unexpected(found) == set()
    known = (str(demo.cache.resolve()), planted.variables["TMPDIR"], *python_folders(demo.bin / "python"))
    elsewhere = {path for path in found.opened if not within(path, (*known, *SYSTEM_PATHS))}
    expected = {path for path in elsewhere if planted.is_expected(path)}
    assert elsewhere - expected == {str(planted.working)}, "the command returns there; GnuTLS's settings are not read"
    assert [line for line in found.connected if "sa_family=AF_UNIX" not in line] == []
    # The negative control: if strace's output were misread, these would be missing.
    assert f"{planted.working}/call.wav" in found.opened
    assert any("/blobs/" in path and within(path, known[:1]) for path in found.opened)
    assert any(path.endswith("/libtorch_cpu.so") for path in found.opened)


def test_without_isolation_the_libraries_read_planted_files(demo, planted):
    """The negative control."""
    found = planted.run(demo.bin / "python", "-I", "-c", WITHOUT_ISOLATION)

    assert {"matplotlibrc", "database.yml", "libcuda.so.1"} <= {
        Path(path).name for path in planted.unexpected(found) if path.startswith(str(planted.working))
    }
    assert f"{planted.home}/.pyannote/database.yml" in planted.unexpected(found)
    assert str(GNUTLS) in found.opened
