"""What verifying, loading and diarizing read, as strace sees it: the cache, Python, and a short list of the system's.

The command is run in a folder, and with a home, in which there is whatever its libraries would look for there.
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

OF_THE_SYSTEM = {
    "/": "the working folder of the decoder, which Python lists",
    "/dev/null": "what stands for no settings",
    "/dev/shm/sem.": "the semaphores that OpenMP's threads wait for",
    "/dev/urandom": "random numbers",
    "/etc/ld.so.cache": "where the dynamic linker finds libraries",
    "/etc/locale.alias": "names of languages, for error messages",
    "/etc/nsswitch.conf": "how users are looked up",
    "/etc/passwd": "the same",
    "/etc/ssl/openssl.cnf": "settings of the system's OpenSSL, which Python's ssl imports",
    "/lib": "libraries of the system",
    "/proc": "what the kernel says of this machine and process",
    "/run/systemd/userdb": "how users are looked up",
    "/sys": "how many processors there are",
    "/usr/lib": "libraries of the system, locales, OpenSSL's settings",
    "/usr/local/share/fonts": "fonts of the system, which matplotlib lists",
    "/usr/share/fonts": "the same",
    "/usr/share/locale": "names of languages, for error messages",
    "/usr/share/zoneinfo": "time zones",
}
"""Only root can write to them, but for /dev/shm, where each name is new. One that ends in a dot begins a name."""

PARTS_OF_PYTHON = """
import diarize_runner, json, os, sys
print(json.dumps([os.path.realpath(each) for each in (sys.prefix, sys.base_prefix, diarize_runner.__path__[0])]))
"""
WITHOUT_A_FENCE = """
from contextlib import suppress
for name in ("av", "matplotlib", "pyannote.database", "torch"):
    with suppress(Exception):
        __import__(name)
"""


GNUTLS = Path("/tmp/vendor/etc/gnutls/config")
"""Where GnuTLS, as it comes with PyAV's wheels, looks for settings; anybody can write there."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder of recordings and a home, both planted."""

    folder: Path
    working: Path
    home: Path
    variables: dict[str, str]

    def is_own(self, path):
        """Say whether the command is to open a path: the recording, and at home how long recordings take."""
        own = f"{self.home}/.cache/diarize-runner"  # how long recordings took, in a folder that is flushed
        return path in (f"{self.working}/call.wav", own) or path.startswith(f"{own}/")

    def run(self, *command):
        return traced(command, cwd=self.working, env=self.variables, folder=self.folder / "trace")

    def touched(self, found):
        """Return what was opened, or tried, in the planted folders and is not the command's own."""
        planted = (f"{self.working}/", f"{self.home}/")
        return {path for path in found.tried | found.opened if path.startswith(planted) and not self.is_own(path)}


@pytest.fixture
def gnutls():
    """Plant settings of GnuTLS, unless somebody else did."""
    if GNUTLS.exists():
        yield
        return
    GNUTLS.parent.mkdir(parents=True)
    GNUTLS.write_text("# planted\n")
    yield
    shutil.rmtree(GNUTLS.parents[2])


@pytest.fixture
def place(demo, tmp_path, gnutls):
    """A planted place, with the demo's recording in it."""
    require_strace()
    working, home, temporary = (tmp_path / name for name in ("recordings", "home", "tmp"))
    for each in (working, home, temporary):
        each.mkdir()
    plant_working_folder(working, [repo.repo_id for repo in read_manifest(find_cache(demo.cache)).repos])
    (working / "call.wav").write_bytes((demo.out / "sample.wav").read_bytes())
    path = os.pathsep.join((f"{home}/bin", os.environ["PATH"]))
    variables = {**plant_home(home), "PATH": path, "TMPDIR": str(temporary)}
    return Place(folder=tmp_path, working=working, home=home, variables=variables)


def within(path, known):
    """Say whether a path is one of the known, lies in one, or begins as one that ends in a dot or a slash does."""
    return any(
        path == each or path.startswith(each if each[-1] in "./" and each != "/" else f"{each}/") for each in known
    )


def parts_of_python(python):
    """Return the folders of an interpreter, its packages and this package."""
    said = subprocess.run([python, "-c", PARTS_OF_PYTHON], capture_output=True, text=True, check=True, cwd="/")
    return json.loads(said.stdout)


def test_a_load_reads_nothing_but_the_cache_python_and_the_system(demo, place):
    command = ("diarize", "call.wav", "--cache", demo.cache, "--device", "cpu")

    found = place.run(demo.bin / "diarize-runner", *command)

    assert found.done.returncode == 0, found.done.stderr
    assert "SPEAKER_01" in found.done.stdout
    assert place.touched(found) == set()
    known = (str(demo.cache.resolve()), place.variables["TMPDIR"], *parts_of_python(demo.bin / "python"))
    elsewhere = {path for path in found.opened if not within(path, (*known, *OF_THE_SYSTEM))}
    own = {path for path in elsewhere if place.is_own(path)}
    assert elsewhere - own == {str(place.working)}, "where it came back to; GnuTLS's settings would be here too"
    assert [line for line in found.connected if "sa_family=AF_UNIX" not in line] == []
    # Were strace's notes misunderstood, these would be missing.
    assert f"{place.working}/call.wav" in found.opened
    assert any("/blobs/" in path and within(path, known[:1]) for path in found.opened)
    assert any(path.endswith("/libtorch_cpu.so") for path in found.opened)


def test_strace_shows_what_the_libraries_would_read_there(demo, place):
    """The control."""
    found = place.run(demo.bin / "python", "-I", "-c", WITHOUT_A_FENCE)

    assert {"matplotlibrc", "database.yml", "libcuda.so.1"} <= {
        Path(path).name for path in place.touched(found) if path.startswith(str(place.working))
    }
    assert f"{place.home}/.pyannote/database.yml" in place.touched(found)
    assert str(GNUTLS) in found.opened
