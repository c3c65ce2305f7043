"""List and download files of Hugging Face Hub repositories. Only this module uses huggingface_hub.

A token is sent only to the Hub, and never reaches a lock, manifest or archive. `pop_token` removes it from the
environment, so child processes do not inherit it; huggingface_hub itself reads the login that `hf auth login` stores.
HF_ENDPOINT selects another Hub.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.hub_source import HubListing, is_selected, matches_etag
from diarize_runner.errors import (
    DiarizeRunnerError,
    DiskError,
    GatedRepo,
    IntegrityError,
    RevisionNotFound,
    SourceError,
)
from diarize_runner.redaction import redact

if TYPE_CHECKING:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

# huggingface_hub reads these when it is imported: keep the classic cache layout, and send no telemetry.
os.environ.setdefault("HF_HUB_DISABLE_SHARED_BLOBS", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

_log = logging.getLogger(__name__)

_TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_TOKENS_URL = "https://huggingface.co/settings/tokens"
_ACCESS_STATES = {
    "awaiting a review": "is waiting for its authors to grant access",
    "has been rejected": "was rejected by its authors",
}
"""What a message of the Hub contains -> what the error says."""
_WRONG_DOCUMENT = (AttributeError, LookupError, TypeError)
"""What a JSON document with other fields than the Hub's raises."""


def pop_token() -> str | None:
    """Remove the token from the environment and return it; None lets huggingface_hub look for one.

    As in huggingface_hub, HF_TOKEN takes precedence over HUGGING_FACE_HUB_TOKEN, and HF_OIDC_RESOURCE over both.
    https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    """
    found = [os.environ.pop(name, "").replace("\r", "").replace("\n", "").strip() for name in _TOKEN_VARIABLES]
    if os.environ.get("HF_OIDC_RESOURCE"):
        return None
    return next(filter(None, found), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineHub:
    """The Hub that HF_ENDPOINT names."""

    token: str | None = field(default=None, repr=False)
    """None lets huggingface_hub look for one."""

    def list_repo(self, repo_id: str, revision: str, allow_patterns: tuple[str, ...]) -> HubListing:
        """See HubSource."""
        from huggingface_hub import HfApi

        with _hub_errors(repo_id, revision):
            api = HfApi(token=_token_to_send(self.token))
            info = api.model_info(repo_id, revision=revision, files_metadata=True)
        siblings = [file for file in info.siblings or [] if is_selected(file.rfilename, allow_patterns)]
        etags = {file.rfilename: _etag(repo_id, file) for file in siblings}
        return HubListing(commit_hash=str(info.sha), gated=info.gated or "no", etags=etags)

    def fetch(self, repo_id: str, commit_hash: str, path: str, etag: str) -> Path:
        """See HubSource. Returns the file in this machine's Hub cache, and downloads it if it is not there.

        huggingface_hub compares only sizes and trusts its cache, so this compares the content with `etag`. A file that
        differs is downloaded once more: the cached copy may be damaged.

        Raises:
            GatedRepo: the terms were not accepted, or there is no token. (The listing is public, the files are not.)
            DiskError: this machine's Hub cache cannot be written.
        """
        for force in (False, True):
            _log.info("download %s@%s: %s", repo_id, commit_hash, path)
            file = _download(repo_id, commit_hash, path, self.token, force=force)
            if matches_etag(file, etag):
                return file
        hint = "check for a proxy or mirror that alters files; if HF_ENDPOINT is set, try without it"
        raise IntegrityError(f"{repo_id}: {path} does not match its etag {etag} after two downloads", hint=hint)


ONLINE_HUB = OnlineHub()
"""With the token that huggingface_hub finds."""


def default_cache() -> Path:
    """Return the folder of this machine's Hub cache, which HF_HUB_CACHE or HF_HOME may name."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _download(repo_id: str, commit_hash: str, path: str, token: str | None, *, force: bool) -> Path:
    from huggingface_hub import hf_hub_download

    with _hub_errors(repo_id, commit_hash):
        sent = _token_to_send(token)
        return Path(hf_hub_download(repo_id, path, revision=commit_hash, force_download=force, token=sent))


def _token_to_send(token: str | None) -> str | None:
    """Return None if implicit tokens are disabled: huggingface_hub sends an explicit token even then."""
    from huggingface_hub import constants

    return None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else token


def _etag(repo_id: str, file: "RepoSibling") -> str:
    etag = file.lfs.sha256 if file.lfs else file.blob_id
    if not etag:
        hint = "set HF_ENDPOINT to a mirror that lists digests as huggingface.co does"
        raise SourceError(f"{repo_id}: the Hub lists no digest for {file.rfilename}", hint=hint)
    return etag


@contextmanager
def _hub_errors(repo_id: str, revision: str) -> Iterator[None]:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        yield
    except LocalEntryNotFoundError as reason:  # says "check your connection" for any answer of the Hub
        raise _to_error(repo_id, revision, reason.__cause__ or reason) from None
    except _foreign_errors() as reason:
        raise _to_error(repo_id, revision, reason) from None


def _foreign_errors() -> tuple[type[Exception], ...]:
    """Return what huggingface_hub raises.

    It documents few types. Its client raises those of httpx2, hf_xet raises RuntimeError, and a document of another
    server raises what Python raises for a wrong type.
    """
    import httpx2
    from huggingface_hub import errors

    defined = (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception))
    transport = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, httpx2.CookieConflict)
    return (*defined, *transport, OSError, ValueError, RuntimeError, *_WRONG_DOCUMENT)


def _to_error(repo_id: str, revision: str, reason: BaseException) -> DiarizeRunnerError:
    import httpx2
    from huggingface_hub import errors

    if isinstance(reason, (UnicodeEncodeError, httpx2.LocalProtocolError)):
        problem = f"{repo_id}: the token of this machine holds an invalid character"
        return SourceError(problem, hint=f"copy only the token again: {_TOKENS_URL}")
    if isinstance(reason, errors.GatedRepoError):
        return _gated_error(repo_id, reason)
    if isinstance(reason, errors.RevisionNotFoundError):
        hint = f"choose one of its branches and tags: https://huggingface.co/{repo_id}/tree/main"
        return RevisionNotFound(f"{repo_id} has no revision {revision}", hint=hint)
    if isinstance(reason, errors.HfHubHTTPError):
        return _http_error(repo_id, reason)
    return _transport_error(repo_id, reason)


def _transport_error(repo_id: str, reason: BaseException) -> DiarizeRunnerError:
    if isinstance(reason, RuntimeError) or type(reason).__module__.startswith("hf_xet"):
        hint = "allow its host in the proxy or firewall, or set HF_HUB_DISABLE_XET=1 to download without Xet"
        return SourceError(f"{repo_id}: the Hub's Xet storage failed: {_reason_text(reason)}", hint=hint)
    if isinstance(reason, _WRONG_DOCUMENT):
        hint = "check HTTPS_PROXY and HF_ENDPOINT"
        return SourceError(f"{repo_id}: the response is not from a Hub ({type(reason).__name__})", hint=hint)
    if isinstance(reason, OSError) and reason.errno and not isinstance(reason, (ConnectionError, TimeoutError)):
        where = reason.filename or "the Hub cache of this machine"
        return DiskError(f"{where}: {reason.strerror}", hint="set HF_HOME to another folder")
    hint = "try again; behind a proxy or mirror, set HTTPS_PROXY or HF_ENDPOINT"
    return SourceError(f"{repo_id}: the Hub cannot be reached: {_reason_text(reason)}", hint=hint)


def _http_error(repo_id: str, reason: "HfHubHTTPError") -> SourceError:
    from huggingface_hub.errors import RepositoryNotFoundError

    status = reason.response.status_code
    if isinstance(reason, RepositoryNotFoundError) or status == HTTPStatus.UNAUTHORIZED:
        return _not_found_error(repo_id, reason)
    if status == HTTPStatus.FORBIDDEN and (account := _account(reason)):
        problem = f"{repo_id}: the token of {account} has no permission to read it: {_reason_text(reason)}"
        return GatedRepo(problem, hint=f"let the token read public gated repositories: {_TOKENS_URL}")
    hint = "try again in some minutes; a token raises the Hub's rate limits"
    return SourceError(f"{repo_id}: the Hub answered with an error: {_reason_text(reason)}", hint=hint)


def _gated_error(repo_id: str, reason: "GatedRepoError") -> GatedRepo:
    page, account = f"https://huggingface.co/{repo_id}", _account(reason)
    if account is None:
        hint = f"accept its terms on {page}, then set HF_TOKEN to a token of that account, or run hf auth login"
        return GatedRepo(f"{repo_id} is gated, and no token was sent", hint=hint)
    for text, state in _ACCESS_STATES.items():
        if text in str(reason):
            return GatedRepo(f"{repo_id} is gated, and {account} {state}", hint=f"ask its authors for access: {page}")
    return GatedRepo(f"{repo_id} is gated, and {account} has no access", hint=f"accept its terms as {account}: {page}")


def _not_found_error(repo_id: str, reason: "HfHubHTTPError") -> SourceError:
    """Distinguish a missing repository from an invalid token."""
    account = _account(reason)
    if account and reason.response.status_code == HTTPStatus.UNAUTHORIZED:
        hint = f"create a new token: {_TOKENS_URL}; HF_TOKEN takes precedence over the login of hf auth login"
        return SourceError(f"{repo_id}: the Hub does not know the token of this machine", hint=hint)
    hint = "check the repo_id; without access, a private repository looks like a missing one"
    return SourceError(f"the Hub shows no repository {repo_id} to {account or 'clients without a token'}", hint=hint)


def _account(reason: "HfHubHTTPError") -> str | None:
    """Return the account whose token was sent, which must accept the terms; None if no token was sent."""
    import httpx2
    from huggingface_hub import HfApi

    header = reason.response.request.headers.get("authorization")
    if header is None:
        return None
    try:
        return str(HfApi(token=header.removeprefix("Bearer ")).whoami()["name"])
    except (httpx2.HTTPError, OSError, ValueError, *_WRONG_DOCUMENT):  # the original error says more
        return "this account"


def _reason_text(reason: BaseException) -> str:
    """Return the first line of the server's message, or of the client's, with tokens masked."""
    text = getattr(reason, "server_message", None) or str(reason).strip() or type(reason).__name__
    return redact(text.splitlines()[0])
