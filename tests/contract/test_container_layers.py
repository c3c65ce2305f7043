"""deploy/image/layers.py divides a box into the layers of an image."""

import os
import subprocess
import sys
from pathlib import Path

import packaging
import pytest

import diarize_runner

PROGRAM = Path(__file__).resolve().parents[2] / "deploy/image/layers.py"
FILES = {
    "torch/__init__.py": "VERSION = 2\n",
    "torch/lib/libtorch_static.a": "",
    "torch/include/torch.h": "",
    "nvidia/cublas/lib/libcublas.so": "",
    "numpy/__init__.py": "",
    "diarize_runner-1.0.dist-info/RECORD": "",
}
RECORD = """\
numpy/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
../../../bin/f2py,sha256={0},226
numpy-2.4.dist-info/uv_cache.json,sha256={0},86
numpy-2.4.dist-info/RECORD,,
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return divide(tmp_path_factory.mktemp("image"), release="0123abcd", installed="2026-01-01")


@pytest.fixture(scope="module")
def layers_of_the_next_release(tmp_path_factory):
    return divide(tmp_path_factory.mktemp("next"), release="4567cdef", installed="2026-02-02")


def divide(root, release, installed):
    """Divide a box with few packages and this toolkit, as uv installs them; return the folder of layers."""
    box = root / "box"
    release = box / "opt/diarize-runner/releases" / release
    numpy = {"numpy-2.4.dist-info/uv_cache.json": installed, "numpy-2.4.dist-info/RECORD": RECORD.format(installed)}
    site_packages = release / f"lib/python3.{sys.version_info.minor}/site-packages"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", release], check=True)
    for name, content in {**FILES, **numpy}.items():
        (site_packages / name).parent.mkdir(parents=True, exist_ok=True)
        (site_packages / name).write_text(content)
    for package in (diarize_runner, packaging):
        subprocess.run(["cp", "-r", Path(package.__file__).parent, site_packages], check=True)
    (box / "opt/diarize-runner/current").symlink_to(f"releases/{release.name}")
    (box / "opt/diarize-runner/inputs").mkdir()
    (release / ".matplotlib").mkdir()
    for name in (".lock", ".sample.json", ".matplotlib/fontlist.json"):
        (release / name).write_text(installed)
    (box / "var/lib/diarize-runner/cache/versions/1.0").mkdir(parents=True)
    command = [release / "bin/python", "-I", PROGRAM, box, root / "layers"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.defpath})
    assert done.returncode == 0, done.stderr
    return root / "layers"


def in_box(layers, layer):
    """Return the folder of a layer that the image has as the box."""
    return layers / layer / (layers.parent / "box").relative_to("/")


def test_each_file_is_in_the_layer_that_changes_with_it(layers):
    assert (in_box(layers, "torch") / "packages/torch/__init__.py").is_file()
    assert (in_box(layers, "cuda") / "packages/nvidia/cublas/lib/libcublas.so").is_file()
    assert sorted(path.name for path in (in_box(layers, "packages") / "packages").iterdir()) == [
        "numpy",
        "numpy-2.4.dist-info",
        "packaging",
    ]
    assert (in_box(layers, "toolkit") / "packages/diarize_runner/__main__.py").is_file()
    assert (in_box(layers, "models") / "var/lib/diarize-runner/cache/versions/1.0").is_dir()


def test_the_packages_lie_where_no_release_changes_their_path(layers):
    (library,) = in_box(layers, "toolkit").glob("opt/diarize-runner/releases/*/lib/python3*")
    assert (library / "site-packages").readlink() == layers.parent / "box/packages"
    assert (in_box(layers, "toolkit") / "opt/diarize-runner/current").readlink() == Path("releases/0123abcd")


def test_packages_installed_again_for_the_next_release_have_the_same_bytes(layers, layers_of_the_next_release):
    for layer in ("cuda", "torch", "packages"):
        before, after = (in_box(each, layer) for each in (layers, layers_of_the_next_release))
        assert contents(before) == contents(after)
    record = in_box(layers, "packages") / "packages/numpy-2.4.dist-info/RECORD"
    assert [line.split(",")[0] for line in record.read_text().splitlines()] == [
        "numpy-2.4.dist-info/RECORD",
        "numpy/__init__.py",
    ]


def contents(folder):
    """Return the bytes of each file."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_nothing_loads_is_left_out(layers):
    names = {path.name for path in layers.rglob("*")}
    assert not names & {"libtorch_static.a", "torch.h", "inputs", ".lock", ".sample.json", ".matplotlib"}


def test_each_module_has_byte_code_that_python_does_not_compare_with_it(layers):
    modules = list(layers.rglob("packages/**/*.py"))
    assert len(modules) > 100
    for module in modules:
        code = module.parent / f"__pycache__/{module.stem}.{sys.implementation.cache_tag}.pyc"
        assert code.read_bytes()[4] == 1  # PEP 552: a hash, not checked


def test_the_byte_code_does_not_say_where_it_was_made(layers):
    codes = [path.read_bytes() for path in layers.rglob("packages/torch/**/*.pyc")]
    assert codes != []
    assert all(b"VERSION" in code and str(layers.parent).encode() not in code for code in codes)
