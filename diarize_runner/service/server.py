"""Run the service: open what it needs, start its threads, serve until a signal."""

import fcntl
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from diarize_runner.cache.box.open import open_cache
from diarize_runner.disk import disk_errors, lock
from diarize_runner.errors import UsageError
from diarize_runner.progress import ConsoleProgress
from diarize_runner.service.box import Box
from diarize_runner.service.catalog import Catalog
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.settings import Settings, require_safe
from diarize_runner.service.web.app import create_app
from diarize_runner.service.web.service import Service
from diarize_runner.service.workers.models import Models

_GRACE: Final = 10
"""Seconds that running requests have after SIGTERM; their jobs go on with the next start."""


def serve(settings: Settings, progress: ConsoleProgress) -> None:
    """Verify the cache, then serve until SIGTERM or SIGINT.

    Raises:
        UsageError: the address needs a key file, another server uses the folder, or there is no such model.
        ManifestError, IntegrityError: the cache cannot be used, or does not verify; or the key file is invalid.
        QueueError, DiskError: the queue or the folder cannot be used.
    """
    require_safe(settings)
    catalog = Catalog.of(open_cache(settings.models.cache, progress), settings.models.transcription_model)
    folder = ServiceFolder(path=settings.folder.absolute())
    folder.create()
    with _exclusive(folder.path) as name:
        folder.empty_incoming()
        tempfile.tempdir = str(folder.incoming)  # request bodies can be larger than /tmp
        engine = open_database(settings.database_url or folder.queue_url)
        try:
            box = Box(name=name, settings=settings, folder=folder, queue=Queue(engine=engine), models=Models())
            _serve(settings, box, catalog, progress)
        finally:
            engine.dispose()


def _serve(settings: Settings, box: Box, catalog: Catalog, progress: ConsoleProgress) -> None:
    service = Service(
        settings=settings,
        folder=box.folder,
        queue=box.queue,
        intake=box.intake,
        catalog=catalog,
        workers=box,
        changes=box.changes,
        metrics=box.metrics,
        clock=time.time,
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    # uvicorn raises a signal again once it has stopped, and ends without an error on KeyboardInterrupt only:
    # capture_signals of https://github.com/encode/uvicorn/blob/master/uvicorn/server.py
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress.print_line(f"serving http://{host}:{settings.port}")
    uvicorn.run(
        create_app(service, box.running),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )


@contextmanager
def _exclusive(folder: Path) -> Iterator[str]:
    """Yield the name of this box while no other server of this machine uses the folder. Raises UsageError."""
    name = socket.gethostname()
    with disk_errors(folder):
        descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            lock(descriptor, folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as reason:
            hint = "stop it, or use another --folder"
            raise UsageError(f"another server uses {folder}", hint=hint) from reason
        yield name
    finally:
        os.close(descriptor)
