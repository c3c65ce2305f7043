"""Map file suffixes to media types, for browsers and ELAN.

Python's `mimetypes` depends on the machine, and equal results must be equal files on every machine.
"""

from pathlib import PurePosixPath

_TYPES = {
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/x-wav",
    ".webm": "video/webm",
}


def media_type(name: str) -> str:
    """Return the media type for a file name's suffix."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
