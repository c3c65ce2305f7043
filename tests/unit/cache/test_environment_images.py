"""`build --with-environment` installs the wheels as images: complete, and the same bytes on each build."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.caches import OLD, flip, tree, write_lock, write_request
from support.kills import killed_when_exists
from support.squashfs import require_squashfs_tools, unpack
from support.wheels import index_settings, pinned, use_index, write_wheel

from diarize_runner.cache.builder import image_tools
from diarize_runner.cache.builder.environment import EnvironmentSources
from diarize_runner.cache.builder.gather import WheelSources
from diarize_runner.cache.builder.installed_tree import is_left_out, listed_files
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import MANIFEST_NAME
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.published.publish import publish, read_build
from diarize_runner.cache.published.shared_files import image_key
from diarize_runner.digests import hash_file
from diarize_runner.errors import IntegrityError, SourceError, UsageError
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
pytestmark = pytest.mark.long
TAG = PYTHON.replace(".", "")
CUDA, REST = (f"environment-cp{TAG}-{part}.squashfs" for part in ("cuda", "rest"))
UV = Path(sys.executable).with_name("uv")
TORCH = {
    "torch/__init__.py": b"names = ['self', 'name', 'self', 'value']\n" * 50,
    "torch/template.py": b"{% if %}\n",
    "torch/include/torch.h": b"header",
    "torch/lib/libtorch.a": b"archive",
    "torch/lib/libtorch.so": b"library",
}


class ImageHost:
    """A build host whose requirements pin torch, an nvidia library and speech, and whose installer pins uv."""

    def __init__(self, folder):
        self.folder, self.index, self.out = folder, folder / "index", folder / "out"
        self.requirements, self.installer = folder / "requirements.txt", folder / "installer.txt"

    def prepare(self):
        script = f'#!/bin/sh\nexec {UV} "$@"\n'.encode()
        uv = write_recorded(self.index, "uv", "0.13.8", {"uv-0.13.8.data/scripts/uv": script})
        self.installer.write_text(pinned(uv))
        wheels = [
            write_recorded(self.index, "torch", "2.0", TORCH),
            write_recorded(self.index, "nvidia_cublas", "1.0", {"nvidia/cublas/lib/libcublas.so": b"cublas"}),
            self.speech(),
        ]
        self.requirements.write_text("".join(pinned(wheel) for wheel in wheels))
        write_lock(write_request(self.folder, OLD))

    def speech(self, text=b"said = 'hello'\n"):
        """Write the wheel of speech, which has a console script."""
        scripts = {"speech-1.0.dist-info/entry_points.txt": b"[console_scripts]\nspeech = speech:main\n"}
        return write_recorded(self.index, "speech", "1.0", {"speech.py": text, **scripts})

    def build(self, out=None):
        lock = read_lock(read_request(self.folder / "tiny.yaml"), lock_path(self.folder / "tiny.yaml"))
        wheels = WheelSources.read([PYTHON], requirements=self.requirements, installer=self.installer, toolkit=None)
        return build(
            lock,
            folder=self.folder,
            version="1.0",
            requirements=self.requirements,
            out=out or self.out,
            progress=NoProgress(),
            wheels=wheels,
            environment=EnvironmentSources.read([PYTHON], self.requirements),
        )

    def image(self, name, out=None):
        return (out or self.out) / "environments" / name


def write_recorded(index, name, version, members):
    """Write a wheel whose RECORD lists its files; uv writes the digests of an installed RECORD itself."""
    return write_wheel(index, name, version, members)


def build_with_own_index(host):
    """Build in a killable process."""
    import os

    os.environ.update(index_settings(host.index))
    host.build()


@pytest.fixture
def host(tmp_path, monkeypatch):
    require_squashfs_tools()
    host = ImageHost(tmp_path)
    host.prepare()
    use_index(monkeypatch, host.index)
    return host


def test_torch_and_its_libraries_are_one_image_and_the_other_packages_another(host, tmp_path):
    manifest = host.build()

    assert [(image.file.name, image.python, image.part) for image in manifest.environments] == [
        (CUDA, PYTHON, "cuda"),
        (REST, PYTHON, "rest"),
    ]
    cuda, rest = (unpack(host.image(name), tmp_path / name) for name in (CUDA, REST))
    assert {path.name for path in cuda.glob("*.dist-info")} == {"torch-2.0.dist-info", "nvidia_cublas-1.0.dist-info"}
    assert {path.name for path in rest.glob("*.dist-info")} == {"speech-1.0.dist-info"}
    assert read_build(host.out) == manifest


def test_an_image_holds_every_recorded_file_but_those_that_the_manifest_leaves_out(host, tmp_path):
    manifest = host.build()

    left_out = set()
    for image in manifest.environments:
        root = unpack(host.image(image.file.name), tmp_path / image.part)
        for record in root.glob("*.dist-info/RECORD"):
            for name in listed_files(record.read_text()):
                assert (root / name).is_file() != is_left_out(name, image.left_out), name
                left_out |= {name} if is_left_out(name, image.left_out) else set()
    assert left_out == {"torch/include/torch.h", "torch/lib/libtorch.a"}
    assert not (tmp_path / "rest" / "bin").exists()


def test_the_same_inputs_give_the_same_bytes_whatever_the_umask_and_the_folder(host, tmp_path, monkeypatch):
    import os

    first = host.build()
    os.utime(host.index / "speech-1.0-py3-none-any.whl", (1, 1))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    before = os.umask(0o077)
    try:
        second = host.build(tmp_path / "elsewhere" / "with a space")
    finally:
        os.umask(before)

    assert second.environments == first.environments
    assert second.digest == first.digest


def test_a_second_build_keeps_the_images_and_a_changed_package_replaces_only_its_own(host):
    host.build()
    before = {name: host.image(name).stat().st_ino for name in (CUDA, REST)}
    assert host.build().digest
    assert before == {name: host.image(name).stat().st_ino for name in (CUDA, REST)}
    old = pinned(host.index / "speech-1.0-py3-none-any.whl")
    new = pinned(host.speech(b"said = 'goodbye'\n"))
    host.requirements.write_text(host.requirements.read_text().replace(old, new))

    host.build()

    assert host.image(CUDA).stat().st_ino == before[CUDA]
    assert host.image(REST).stat().st_ino != before[REST]


def test_a_damaged_image_is_refused_by_a_publish_and_built_again_by_a_build(host, tmp_path):
    manifest = host.build()
    flip(host.image(REST), 200)

    with pytest.raises(IntegrityError, match=f"{REST} is missing or differs from the manifest$"):
        publish(host.out, LocalStore(tmp_path / "store"), NoProgress())

    assert host.build() == manifest
    publish(host.out, LocalStore(tmp_path / "store"), NoProgress())
    for image in manifest.environments:
        assert hash_file(tmp_path / "store" / image_key(image)) == image.file.content


def test_a_killed_build_leaves_no_part_of_an_image_and_the_next_one_completes(host, tmp_path):
    from functools import partial

    assert killed_when_exists(host.image(CUDA), partial(build_with_own_index, host))
    assert MANIFEST_NAME not in tree(host.out)
    complete = host.build(tmp_path / "fresh")
    assert hash_file(host.image(CUDA)) == complete.environments[0].file.content

    assert host.build() == complete

    assert {path: kind for path, kind in tree(host.out).items() if not path.endswith(".inputs")} == {
        path: kind for path, kind in tree(tmp_path / "fresh").items() if not path.endswith(".inputs")
    }


def test_python_loads_the_byte_code_of_an_image_from_any_path_and_pip_finds_its_packages(host, tmp_path):
    host.build()
    roots = [unpack(host.image(name), tmp_path / name) for name in (CUDA, REST)]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "images.pth").write_text("".join(f"{root}\n" for root in roots))
    (roots[1] / "speech.py").write_text("said = 'not read: the byte-code is not checked'\n")

    python = tmp_path / "venv" / "bin" / "python"
    code = "import speech, torch, json; print(json.dumps([speech.said, speech.__file__, torch.names]))"
    said, path, names = json.loads(subprocess.check_output([python, "-c", code]))
    check = subprocess.run([python, "-m", "pip", "check"], capture_output=True, text=True, check=False)

    assert (said, path, len(names)) == ("hello", str(roots[1] / "speech.py"), 4)
    assert check.stdout.strip() == "No broken requirements found."
    assert not list(roots[0].rglob("template.*.pyc"))


def test_a_wheel_changed_after_it_was_gathered_stops_the_build(host, monkeypatch):
    from diarize_runner.cache.builder.installed_tree import InstalledTree

    install = InstalledTree.install

    def install_changed(self, pins, wheels, uv, workspace):
        write_wheel(wheels, "torch", "2.0", {"torch/__init__.py": b"backdoor"})
        install(self, pins, wheels, uv, workspace)

    monkeypatch.setattr(InstalledTree, "install", install_changed)

    with pytest.raises(SourceError, match=rf"^the packages for Python {PYTHON}: "):
        host.build()

    assert not host.image(CUDA).exists()


def test_a_host_without_mksquashfs_or_the_python_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tools.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match=r"^mksquashfs is not installed, and an image needs it$") as refusal:
        image_tools.ImageTools.find([PYTHON])
    assert refusal.value.hint == "install it, as with: apt-get install squashfs-tools"
    other = "3.12" if PYTHON == "3.13" else "3.13"
    monkeypatch.setattr(image_tools.shutil, "which", {"mksquashfs": "/bin/true"}.get)
    with pytest.raises(UsageError, match=rf"^python{other} is not installed") as refusal:
        image_tools.ImageTools.find([other])
    assert refusal.value.hint == f"install it, as with: uv python install {other}"
