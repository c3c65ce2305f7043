"""What kind of recording a name stands for, as browsers and ELAN want it said.

Python's `mimetypes` asks the machine it runs on, and the same result is to be the same file everywhere.
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
    """Return the media type that a file's suffix stands for."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
