"""Pinned requirements and wheel selection do not depend on the running Python, and agree with pip."""

from pathlib import Path

import pytest
from support.wheels import pinned, use_index, write_wheel

from diarize_runner.cache.builder import wheels
from diarize_runner.cache.builder.pythons import SUPPORTED_PYTHONS
from diarize_runner.cache.documents.pins import Target, WheelName, read_pins
from diarize_runner.digests import Digest
from diarize_runner.errors import ManifestError

REQUIREMENTS = Path(__file__).parents[3] / "requirements"
DIGESTS = [Digest(hex=digit * 64) for digit in "12"]

VARIANTS = [
    "py3-none-any",
    "py2.py3-none-any",
    "py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp310-abi3-manylinux_2_28_x86_64",
    "cp312-abi3-manylinux_2_17_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_39_x86_64",
    "cp311-cp311-musllinux_1_2_x86_64",
    "cp311-cp311-manylinux_2_28_aarch64",
    "cp312-cp312-win_amd64",
    "cp313-cp313t-manylinux_2_28_x86_64",
    "cp313-cp313-linux_x86_64",
]


def read(text):
    return read_pins(text, "requirements.txt")


def test_a_pin_in_pip_compiles_format_is_parsed():
    hashes = " \\\n    ".join(f"--hash={digest}" for digest in DIGESTS)

    (pin,) = read(f"# by pip-compile\n\nRuamel.YAML==0.18.6 \\\n    {hashes}\n    # via\n    #   -r diarization.in\n")

    assert (pin.name, pin.version, pin.marker, pin.digests) == ("Ruamel.YAML", "0.18.6", None, frozenset(DIGESTS))
    assert pin.release == WheelName.parse("ruamel_yaml-0.18.6-py3-none-any.whl").release
    assert pin.line == f"Ruamel.YAML==0.18.6 --hash={DIGESTS[0]} --hash={DIGESTS[1]}"


@pytest.mark.parametrize("purpose", ["diarization", "installer"])
@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_each_python_requires_the_published_pins_of_its_own_lock(python, purpose):
    published = read((REQUIREMENTS / f"requirements-{purpose}.txt").read_text())
    own = read((REQUIREMENTS / f"py{python}" / f"{purpose}.txt").read_text())

    expected = {pin.release: pin.digests for pin in published if Target(python=python).requires(pin)}

    assert expected == {pin.release: pin.digests for pin in own}
    assert len(expected) > 20


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('python_version == "3.12"', {"3.12"}),
        ('python_version >= "3.11" and python_version < "3.13"', {"3.11", "3.12"}),
        ('python_full_version >= "3.13"', {"3.13"}),
        ('sys_platform == "win32" or platform_machine == "aarch64"', set()),
        ('sys_platform == "linux" and platform_machine == "x86_64" and os_name == "posix"', set(SUPPORTED_PYTHONS)),
        ('platform_python_implementation == "PyPy"', set()),
    ],
)
def test_a_marker_is_evaluated_for_the_target(marker, expected):
    (pin,) = read(f"tool==1.0 ; {marker} --hash={DIGESTS[0]}\n")

    assert {python for python in SUPPORTED_PYTHONS if Target(python=python).requires(pin)} == expected


NO_PINS = {
    "a range": "tool>=1.0",
    "a prefix": "tool==1.*",
    "two versions": "tool==1.0,==1.1",
    "a name alone": "tool",
    "a URL": "tool @ https://example.org/tool-1.0-py3-none-any.whl",
    "an option": "--index-url https://example.org",
    "another file": "-r other.txt",
    "a weak hash": "tool==1.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
    "a truncated hash": "tool==1.0 --hash=sha256:0123",
}


@pytest.mark.parametrize("line", NO_PINS.values(), ids=list(NO_PINS))
def test_a_line_without_a_pin_is_refused(line):
    with pytest.raises(ManifestError) as refusal:
        read(f"good==1.0\n{line}\n")

    pinned_part = line.split(" --hash")[0]
    assert refusal.value.message == f"requirements.txt: {pinned_part!r} is not a pinned requirement"
    assert refusal.value.hint.startswith("write it with pip-compile --generate-hashes")


@pytest.mark.parametrize("python", SUPPORTED_PYTHONS)
def test_best_wheel_returns_the_one_that_pip_chooses(python, tmp_path, monkeypatch):
    use_index(monkeypatch, tmp_path)
    paths = [write_wheel(tmp_path, "tool", "1.0", {}, tag=tag) for tag in VARIANTS]
    paths.append(write_wheel(tmp_path, "tool", "1.0", {}, build="-2", tag="py3-none-any"))
    target, (pin,) = Target(python=python), read(pinned(*paths))
    fetched = tmp_path / "fetched"

    wheels.pip_download([pin.line], fetched, "tool", target)

    (chosen,) = fetched.iterdir()
    others = ["tool-1.1-py3-none-any.whl", "tools-1.0-py3-none-any.whl"]
    assert target.best_wheel(pin, [path.name for path in paths] + others) == chosen.name
    assert target.best_wheel(pin, others) is None


@pytest.mark.parametrize(
    "name", ["tool-1.0.tar.gz", "tool.whl", "tool-one-py3-none-any.whl", "a-1.0-b-py3-none-any.whl"]
)
def test_a_name_that_is_not_a_wheels_is_refused(name):
    with pytest.raises(ManifestError, match=f"^'{name}' is not the file name of a wheel$"):
        WheelName.parse(name)
