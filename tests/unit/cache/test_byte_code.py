"""byte_code.py writes the same bytes for the same sources."""

import os
import subprocess
import sys

import pytest
from support.pythons import interpreter

from diarize_runner.cache.builder import byte_code

CODED = b"# coding: cp1252\nname = 'caf\xe9'\n"
"""To read it, Python imports `encodings.cp1252`, and keeps its names."""
NAMED_AS_IN_CP1252 = b"decoding_table = IncrementalDecoder = getregentry = 1\n"


def compiled(folder, sources, processes=1, python=sys.executable):
    """Write the sources, by path, into the folder, and compile them; return the byte-code of each path."""
    for path, source in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(source)
    program = [python, "-I", "-S", "-W", "ignore", byte_code.__file__, folder, str(processes)]
    subprocess.run(program, check=True, env={"PATH": os.defpath, "PYTHONHASHSEED": "0"})
    return {path: code for path in sources if (code := _code(folder / path))}


def _code(module):
    for file in (module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc"):
        return file.read_bytes()
    return b""


@pytest.mark.parametrize("processes", [1, 3])
def test_the_byte_code_of_a_folder_does_not_depend_on_the_folders_before_it(tmp_path, processes):
    # From 3.11 on, marshal marks a name whether or not others refer to it.
    if not (python := interpreter("3.10")):
        pytest.skip("Python 3.10 is not installed here")
    alone = {"later/named.py": NAMED_AS_IN_CP1252}
    expected = compiled(tmp_path / "alone", alone, python=python)
    actual = compiled(tmp_path / "after", {"earlier/coded.py": CODED, **alone}, processes, python=python)
    assert actual["later/named.py"] == expected["later/named.py"]


def test_each_module_of_each_folder_is_compiled(tmp_path):
    sources = {f"{folder}{name}.py": b"name = 1\n" for folder in ("", "a/", "a/b/", "a-b/") for name in ("one", "two")}
    assert set(compiled(tmp_path, sources, 2)) == set(sources)


def test_what_is_no_module_is_left_without_byte_code_and_the_others_of_its_folder_have_theirs(tmp_path):
    sources = {"a/a_template.py": b"{% if %}\n", "a/module.py": b"name = 1\n"}
    assert set(compiled(tmp_path, sources)) == {"a/module.py"}
