"""The child process starts in another environment, which has none of our packages."""

import subprocess
import sys
from pathlib import Path

import diarize_runner
from diarize_runner.alignment.aligner import _START

PACKAGE = Path(diarize_runner.__file__).parent
ONLY_STANDARD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "diarize_runner", "numpy"}:
            raise ImportError(f"{name} is of the other environment")
sys.meta_path.insert(0, Refuse())
"""


def start(program, *arguments, options=("-I",)):
    command = [sys.executable, *options, "-c", program, PACKAGE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def test_it_imports_only_the_standard_library_and_numpy_before_a_model_is_loaded():
    done = start(ONLY_STANDARD + _START, "diarize_runner.alignment.child", "1", "0", "0")
    assert "of the other environment" not in done.stderr
    assert done.returncode == -9, "it kills itself: its parent is not process 0"


def test_it_finds_this_package_without_the_packages_beside_it():
    beside = str(PACKAGE.parent)
    program = f"{_START}print({beside!r} in sys.path, package.__file__)"
    done = start(program, "diarize_runner.errors", options=("-I", "-S"))  # without site-packages
    assert done.stdout == f"False {PACKAGE / '__init__.py'}\n", done.stderr
