"""Under WSL2, the driver of Windows is loaded from its folder; LD_LIBRARY_PATH is not needed."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from diarize_runner.diarization import wsl

LIBRARY = find_spec("_cffi_backend").origin
"""Any library that can be loaded."""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A folder with two libraries under the names of the driver's; return the path of the driver."""
    for name in ("libdxcore.so", "libcuda.so.1"):
        shutil.copy(LIBRARY, tmp_path / name)
    monkeypatch.setattr(wsl, "DEVICE", tmp_path / "dxg")
    monkeypatch.setattr(wsl, "DRIVER", tmp_path / "libcuda.so.1")
    wsl.DEVICE.touch()
    return wsl.DRIVER


def loaded(folder):
    """Return the names of the libraries from a folder that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {Path(path).name for line in lines if (path := line.split(maxsplit=5)[-1]).startswith(f"{folder}/")}


def test_the_driver_and_the_library_that_it_opens_are_loaded(driver):
    wsl.load_driver()
    assert loaded(driver.parent) == {"libcuda.so.1", "libdxcore.so"}


def test_a_driver_without_that_library_is_loaded(driver):
    driver.with_name("libdxcore.so").unlink()
    wsl.load_driver()
    assert loaded(driver.parent) == {"libcuda.so.1"}


def test_without_the_device_of_wsl_nothing_is_loaded(driver):
    wsl.DEVICE.unlink()
    wsl.load_driver()
    assert loaded(driver.parent) == set()


def test_without_a_driver_in_windows_nothing_is_loaded(driver):
    driver.unlink()
    wsl.load_driver()
    assert loaded(driver.parent) == set()


def test_a_driver_that_cannot_be_loaded_is_no_error(driver):
    driver.write_bytes(b"no library")
    wsl.load_driver()
    assert loaded(driver.parent) == {"libdxcore.so"}
