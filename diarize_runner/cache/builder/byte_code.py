"""Write byte-code for each module of a folder: `python -I -S byte_code.py FOLDER PROCESSES`, with any Python.

Each module is compiled in a fork of this process, because `marshal` marks objects by their reference counts, which
depend on the modules compiled before (https://github.com/python/cpython/issues/78274). So the same sources give the
same bytes. Python loads byte-code without a look at its source (PEP 552), and puts the real path into it.
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
    for module in _modules():
        if running == processes:
            running -= _wait()
        if not os.fork():
            _compile(module)
        running += 1
    while running:
        running -= _wait()


def _modules() -> list[str]:
    found = (os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)  # noqa: PTH118
    return sorted(os.path.relpath(path) for path in found if path.endswith(".py"))


def _compile(module: str) -> NoReturn:
    """Compile a module, unless it is none for this Python, such as a template; end the process."""
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
