"""Write byte-code for each module of a folder: `python -I -S byte_code.py FOLDER PROCESSES`, with any Python.

The modules of each folder are compiled in a fork of this process, because `marshal` marks objects by their reference
counts, which depend on the modules compiled before (https://github.com/python/cpython/issues/78274). So the same
sources give the same bytes, on any number of processes. A fork for each module would cost more than its compilation.
Python loads byte-code without a look at its source (PEP 552), and puts the real path into it.
"""

import os
import py_compile
import sys
from contextlib import suppress
from typing import NoReturn

_UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def main() -> None:
    """Compile; exit with 1 if a file cannot be written."""
    os.chdir(sys.argv[1])
    processes, running = int(sys.argv[2]), 0
    for modules in _folders():
        if running == processes:
            running -= _wait()
        if not os.fork():
            _compile(modules)
        running += 1
    while running:
        running -= _wait()


def _folders() -> list[list[str]]:
    """Return the modules of each folder that has some."""
    found = ([os.path.join(folder, name) for name in names] for folder, _, names in os.walk("."))  # noqa: PTH118
    modules = (sorted(os.path.relpath(path) for path in paths if path.endswith(".py")) for paths in found)
    return sorted(filter(None, modules))


def _compile(modules: list[str]) -> NoReturn:
    """Compile modules, unless one is none for this Python, such as a template; end the process."""
    for module in modules:
        with suppress(py_compile.PyCompileError, ValueError, RecursionError):
            py_compile.compile(module, dfile=module, doraise=True, invalidation_mode=_UNCHECKED)
    os._exit(0)


def _wait() -> int:
    """Wait for one process, and return 1; exit if it failed."""
    if os.wait()[1]:
        sys.exit(1)
    return 1


if __name__ == "__main__":
    main()
