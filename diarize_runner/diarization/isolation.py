"""Empty working and home folders for imports of libraries and loads of models.

Otherwise, according to strace, the locked versions read these files and execute the first two:

    libcuda.so.1   from the working folder, by torch: the RUNPATH of NVIDIA's libcusparseLt.so.0 ends in an empty entry,
                   which the dynamic linker resolves to the working folder (ld.so(8))
    fc-list        the first on PATH, by matplotlib, which torchmetrics imports but does not need here
    matplotlibrc   from the working folder, MATPLOTLIBRC, MPLCONFIGDIR and ~/.config, by matplotlib; fonts from ~/.fonts
    database.yml   from the working folder, ~/.pyannote and PYANNOTE_DATABASE_CONFIG, by pyannote.database
    conf.json      from ~/.config/fsspec, by fsspec, which lightning opens checkpoints with; also variables FSSPEC_*
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

from diarize_runner.diarization.environment import temporary_environment

_FOLDER_VARIABLES = ("HOME", "PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_REMOVED = ("MPLBACKEND", "PYANNOTE_DATABASE_CONFIG")
_REMOVED_PREFIX = "FSSPEC_"


@contextmanager
def isolated_directories() -> Iterator[None]:
    """Use a new empty folder as working and home folder for the block.

    MPLCONFIGDIR keeps its value if set: matplotlib caches its font list there, which takes seconds to build.

    Raises:
        OSError: the temporary folder cannot be created.
    """
    already_imported = "matplotlib" in sys.modules
    working = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        with TemporaryDirectory() as folder, temporary_environment(_environment(folder)):
            os.chdir(folder)
            try:
                yield
            finally:
                os.fchdir(working)
    finally:
        os.close(working)
        if not already_imported:
            _set_matplotlib_backend(os.environ.get("MPLBACKEND"))


def _environment(folder: str) -> dict[str, str | None]:
    """Return the variables for the block; None means unset."""
    removed = (*_REMOVED, *(name for name in os.environ if name.startswith(_REMOVED_PREFIX)))
    return {
        **dict.fromkeys(_FOLDER_VARIABLES, folder),
        **dict.fromkeys(removed),
        "MATPLOTLIBRC": os.devnull,
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", folder),
    }


def _set_matplotlib_backend(backend: str | None) -> None:
    """Set the caller's backend, which matplotlib could not read if it was imported inside the block."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib and backend:
        with suppress(ValueError):  # an unknown backend; plotting reports it
            matplotlib.rcParams["backend"] = backend
