"""Load cuBLAS for ctranslate2, which opens `libcublas.so.12` by name.

The dynamic linker finds a library by name if it is loaded already, so neither LD_LIBRARY_PATH nor a CUDA toolkit is
needed: the package nvidia-cublas-cu12 has it. torch 2.11 brings cuBLAS 13, another library.
"""

import ctypes
import sys
from pathlib import Path
from typing import Final

from diarize_runner.errors import DeviceUnavailable

_FOLDER: Final = "nvidia/cublas/lib"
_LIBRARIES: Final = ("libcublasLt.so.12", "libcublas.so.12")
"""The second needs the first."""


def load_cublas() -> None:
    """Load the libraries from the package, or else from the system.

    Raises:
        DeviceUnavailable: neither has them.
    """
    folders = (Path(folder, _FOLDER) for folder in sys.path if folder)
    found = next((folder for folder in folders if (folder / _LIBRARIES[-1]).is_file()), None)
    try:
        for name in _LIBRARIES:
            ctypes.CDLL(str(found / name) if found else name, mode=ctypes.RTLD_GLOBAL)
    except OSError as reason:
        hint = "install it: pip install nvidia-cublas-cu12, or use --device cpu"
        raise DeviceUnavailable(f"transcription on a GPU needs cuBLAS 12: {reason}", hint=hint) from reason
