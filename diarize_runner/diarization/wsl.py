"""Load the GPU's driver under WSL2, which torch and ctranslate2 open by name.

Windows mounts its driver into a folder that not every dynamic linker searches. It finds a library by name if it is
loaded already, so LD_LIBRARY_PATH is not needed. Untested on WSL2 itself: the tests load other libraries.
"""

import ctypes
from contextlib import suppress
from pathlib import Path

DEVICE = Path("/dev/dxg")
DRIVER = Path("/usr/lib/wsl/lib/libcuda.so.1")
"""Of Windows: https://docs.nvidia.com/cuda/wsl-user-guide/."""
_BRIDGE = "libdxcore.so"
"""In the same folder; the driver opens it by name, too."""


def load_driver() -> None:
    """Load the driver if this is WSL2 and Windows has one; if it cannot be loaded, there is no CUDA device."""
    if not (DEVICE.exists() and DRIVER.exists()):
        return
    for path in (DRIVER.with_name(_BRIDGE), DRIVER):
        with suppress(OSError):
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
