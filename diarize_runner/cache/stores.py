"""A store by its address, as the command line gives it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from diarize_runner.cache.local_store import LocalStore
from diarize_runner.cache.store import WritableArchiveStore
from diarize_runner.errors import UsageError


def open_store(url: str) -> WritableArchiveStore:
    """Return the store at `url`, such as `file:///srv/models`; raise UsageError when it is no store's address."""
    parts = urlsplit(url)
    elsewhere = parts.netloc not in ("", "localhost") or parts.query or parts.fragment
    if parts.scheme != "file" or elsewhere or not parts.path.startswith("/"):
        raise UsageError(
            f"{url!r} is not the address of a store", hint="a store is a folder for now: file:///absolute/path"
        )
    return LocalStore(Path(unquote(parts.path)))
