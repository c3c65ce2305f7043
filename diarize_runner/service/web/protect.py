"""Put request ids, access and problems around an application."""

from starlette.applications import Starlette

from diarize_runner.service.keys import WatchedKeys
from diarize_runner.service.settings import Settings
from diarize_runner.service.web.access import Access
from diarize_runner.service.web.handlers import add_handlers
from diarize_runner.service.web.rates import Uploads
from diarize_runner.service.web.requests import Observer, Requests, ignore


def protect(app: Starlette, settings: Settings, observe: Observer = ignore) -> Uploads:
    """Add the handlers and the middleware, which calls `observe` for each request; return the running uploads.

    The application itself must have no `max_body_size`: Starlette would answer before this middleware, without a
    problem.

    Raises:
        UsageError or ManifestError: the key file cannot be used.
    """
    limits = settings.limits
    uploads = Uploads(at_a_time=limits.uploads, per_key=limits.uploads_per_key)
    keys = WatchedKeys(path=settings.key_file) if settings.key_file else None
    add_handlers(app)
    app.add_middleware(Access, limits=limits, keys=keys, bound_host=settings.host, uploads=uploads)
    app.add_middleware(Requests, observe=observe)  # added last, so the outermost
    return uploads
