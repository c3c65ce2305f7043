"""Run the service: open what it needs, start its threads, serve until a signal."""

import logging
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from diarize_runner.cache.box.open import open_cache
from diarize_runner.errors import UsageError
from diarize_runner.progress import ConsoleProgress
from diarize_runner.service.box import Box
from diarize_runner.service.catalog import Catalog
from diarize_runner.service.exclusive import alone, shared
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.folder_owner import require_own_folder
from diarize_runner.service.queue.database import is_shared, open_database
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.settings import Settings, require_safe
from diarize_runner.service.systemd import NO_SYSTEMD, Systemd
from diarize_runner.service.voices import require_usable
from diarize_runner.service.web.app import create_app
from diarize_runner.service.web.changes import Changes
from diarize_runner.service.web.service import Service
from diarize_runner.service.webhooks.allowed import NO_WEBHOOKS, Webhooks
from diarize_runner.service.webhooks.sender import Sender
from diarize_runner.service.workers.models import Models

_log = logging.getLogger(__name__)

_GRACE: Final = 10
"""Seconds that running requests have after SIGTERM; their jobs go on with the next start."""
_KEEP_ALIVE: Final = 75
"""Seconds that a connection may wait for its next request. With fewer than a `Retry-After`, or than the 60 that proxies
keep theirs open, a request may meet the end of its connection
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html)."""


def serve(settings: Settings, progress: ConsoleProgress, systemd: Systemd = NO_SYSTEMD) -> None:
    """Verify the cache, then serve until SIGTERM or SIGINT: on the socket of systemd, if it passes one.

    Raises:
        UsageError: the address needs a key file or is in use, another server or user has the folder, or there is no
            such model.
        ManifestError, IntegrityError: the cache cannot be used, or does not verify; or the key file is invalid.
        VoiceError: another embedding model made the voices.
        QueueError, DiskError: the queue or the folder cannot be used.
    """
    settings = systemd.at_address(settings)
    require_safe(settings)
    cache = open_cache(settings.models.cache, progress)
    if settings.voice_file:
        require_usable(settings.voice_file, cache)
    catalog = Catalog.of(cache, settings.models.transcription_model)
    serve_models(settings, catalog, Models(), progress, systemd)


def serve_models(
    settings: Settings, catalog: Catalog, models: Models, progress: ConsoleProgress, systemd: Systemd = NO_SYSTEMD
) -> None:
    """Serve the models of a verified cache until SIGTERM or SIGINT; raises as `serve` does, except for the cache."""
    folder, exclusive = ServiceFolder(path=settings.folder.absolute(), box=settings.box), _exclusive(settings)
    webhooks = Webhooks.load(settings.webhook_file) if settings.webhook_file else NO_WEBHOOKS
    folder.create()
    require_own_folder(folder)
    with exclusive(folder.path, folder.box), systemd.listener or _bound(settings) as listener:
        tempfile.tempdir = str(folder.incoming)  # request bodies can be larger than /tmp
        engine = open_database(settings.database_url or _own_queue(folder))
        try:
            queue = Queue(engine=engine, lease_seconds=settings.limits.lease_seconds)
            if settings.database_url:
                _require_together(queue, folder)
            sender = Sender(webhooks=webhooks, clock=time.time) if webhooks.hosts else None
            box = Box(settings=settings, folder=folder, queue=queue, models=models, sender=sender)
            box.remove_leftovers()
            progress.print_line(f"serving {_url(listener)}{', a socket of systemd' if systemd.listener else ''}")
            app = create_app(_service(settings, box, catalog, webhooks), _running(box, systemd))
            _run(app, listener, box.changes)
        finally:
            engine.dispose()


def _exclusive(settings: Settings) -> Callable[[Path, str], AbstractContextManager[None]]:
    return shared if settings.database_url and is_shared(settings.database_url) else alone


def _require_together(queue: Queue, folder: ServiceFolder) -> None:
    """Refuse a queue whose jobs have their files in another folder: the files here would look like leftovers.

    Raises:
        UsageError: it is such a queue.
    """
    if queue.folder() is None and any(folder.job_ids()):
        hint = f"restore the queue of these jobs, or move {folder.jobs} away"
        raise UsageError(f"the queue is new, but {folder.path} has jobs", hint=hint)
    if queue.bind(folder.identity()) != folder.identity():
        hint = "mount the folder that the other boxes have as --folder, or use another database"
        raise UsageError(f"the queue has its files in another folder than {folder.path}", hint=hint)


def _own_queue(folder: ServiceFolder) -> str:
    """Return the address of the queue in SQLite; warn if there are jobs, but it is new."""
    if aside := folder.set_aside():
        what_to_do = "remove them, or stop the server and put them back as jobs with their queue.db"
        _log.warning("%s has no queue: the files of its jobs are in %s; %s", folder.path, aside.name, what_to_do)
    return folder.queue_url


def _service(settings: Settings, box: Box, catalog: Catalog, webhooks: Webhooks) -> Service:
    return Service(
        settings=settings,
        folder=box.folder,
        queue=box.queue,
        intake=box.intake,
        catalog=catalog,
        workers=box,
        changes=box.changes,
        metrics=box.metrics,
        webhooks=webhooks,
    )


class _Server(uvicorn.Server):
    """Tells the requests that wait when it stops: uvicorn waits for them."""

    def __init__(self, config: uvicorn.Config, changes: Changes) -> None:
        super().__init__(config)
        self._changes = changes

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, because of a signal."""
        self._changes.close()
        super().handle_exit(sig, frame)


def _run(app: FastAPI, listener: socket.socket, changes: Changes) -> None:
    """Serve until a signal; return when the workers have given back what they ran."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    # When it has stopped, uvicorn raises the signal again, which would kill this process before it has cleaned up.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            _Server(config, changes).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)


def _running(box: Box, systemd: Systemd) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def running() -> Iterator[None]:
        with box.running():
            systemd.notify_ready()
            yield

    return running


def _bound(settings: Settings) -> socket.socket:
    """Return a socket that is bound to the address, but takes no connection yet. Raises UsageError."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as reason:
        listener.close()
        message = f"cannot serve {settings.host}, port {settings.port}: {reason.strerror or reason}"
        raise UsageError(message, hint="use another --port, or an address of this machine as --host") from reason
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
