"""Recognise Whisper models in CTranslate2's format: tensors behind a header, without a pickle.

    uint32  format version
    uint16  length of the name, with its final NUL
    bytes   name: WhisperSpec

See `ModelSpec._serialize` in https://github.com/OpenNMT/CTranslate2/blob/v4.8.0/python/ctranslate2/specs/model_spec.py.
torch loads no such file: its first byte is neither a zip's nor an opcode of pickle.
"""

import struct
from pathlib import Path, PurePosixPath
from typing import Final

_NAME: Final = "model.bin"
_SPECIFICATION: Final = b"WhisperSpec\0"
_VERSIONS: Final = range(2, 16)
"""Before version 2 a header has no name; version 6 is the current one."""
_HEADER: Final = struct.Struct(f"<IH{len(_SPECIFICATION)}s")


def is_ctranslate2_model(path: Path, name: str) -> bool:
    """Whether a file, whose path in its repository is `name`, is a Whisper model of CTranslate2."""
    if PurePosixPath(name).name != _NAME:
        return False
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    version, length, specification = _HEADER.unpack(header)
    return (version in _VERSIONS, length, specification) == (True, len(_SPECIFICATION), _SPECIFICATION)
