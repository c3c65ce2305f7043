"""While libraries are imported and models loaded, the working folder and the home folder are empty ones.

Without that, as strace shows of the locked versions, these are read, and the first two run:

    libcuda.so.1   from the working folder, by torch: the RUNPATH of NVIDIA's libcusparseLt.so.0 ends in an empty entry,
                   which the dynamic linker takes for the working folder (ld.so(8))
    fc-list        the first on PATH, by matplotlib, which torchmetrics imports and nobody uses
    matplotlibrc   from the working folder, MATPLOTLIBRC, MPLCONFIGDIR and ~/.config, by matplotlib; fonts from ~/.fonts
    database.yml   from the working folder, ~/.pyannote and PYANNOTE_DATABASE_CONFIG, by pyannote.database
    conf.json      from ~/.config/fsspec, by fsspec, with which lightning opens checkpoints; and variables FSSPEC_...
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

from diarize_runner.diarization.surroundings import changed_environment

_EMPTY = ("HOME", "PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_UNSET = ("MPLBACKEND", "PYANNOTE_DATABASE_CONFIG")
_UNSET_PREFIX = "FSSPEC_"


@contextmanager
def fenced() -> Iterator[None]:
    """Let the process work in an empty folder, with that as its home, until the block ends.

    Where MPLCONFIGDIR is set it stays, for matplotlib keeps its list of fonts there, which takes seconds to make.

    Raises:
        OSError: there is no room for temporary files.
    """
    known = "matplotlib" in sys.modules
    working = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        with TemporaryDirectory() as folder, changed_environment(_environment(folder)):
            os.chdir(folder)
            try:
                yield
            finally:
                os.fchdir(working)
    finally:
        os.close(working)
        if not known:
            _tell_matplotlib(os.environ.get("MPLBACKEND"))


def _environment(folder: str) -> dict[str, str | None]:
    """Return what each variable is to be while the block runs; None for those that are not to be."""
    unset = (*_UNSET, *(name for name in os.environ if name.startswith(_UNSET_PREFIX)))
    return {
        **dict.fromkeys(_EMPTY, folder),
        **dict.fromkeys(unset),
        "MATPLOTLIBRC": os.devnull,
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", folder),
    }


def _tell_matplotlib(backend: str | None) -> None:
    """Give it the backend that a notebook has set for it, which it could not read where it was imported in here."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib and backend:
        with suppress(ValueError):  # a backend that there is not: whoever plots is told
            matplotlib.rcParams["backend"] = backend
