"""Files of repositories on the Hugging Face Hub: the only place that knows huggingface_hub.

A token is sent to the Hub alone, and reaches no lock, manifest or archive. `take_token` reads that of the environment
and takes it out of there, so that no child of this process inherits it; the login of this machine is read by
huggingface_hub where it lies. HF_ENDPOINT names another Hub.
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.secrets import redacted
from diarize_runner.digests import content_of_file, pieces
from diarize_runner.errors import (
    DiarizeRunnerError,
    DiskError,
    GatedRepo,
    IntegrityError,
    RevisionNotFound,
    SourceError,
)

if TYPE_CHECKING:
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

# Read by huggingface_hub when it is imported. A build host's own cache keeps the classic layout this way, and
# nothing of its own accord is sent.
os.environ.setdefault("HF_HUB_DISABLE_SHARED_BLOBS", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

_TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_TOKENS = "https://huggingface.co/settings/tokens"
_REVIEWED = {
    "awaiting a review": "is waiting for its authors to grant access",
    "has been rejected": "was turned away by its authors",
}
_SHA1, _SHA256 = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubListing:
    """A repository at one commit, as the Hub lists it."""

    commit_hash: str
    gated: str
    """`no`, `auto` or `manual`."""
    etags: dict[str, str]
    """What the Hub calls each file's content: a SHA-256 (large files) or a git blob's SHA-1."""


def take_token() -> str | None:
    """Take the token out of the environment, and return it; None when huggingface_hub is to find one itself.

    As in huggingface_hub, HF_TOKEN goes before HUGGING_FACE_HUB_TOKEN, and HF_OIDC_RESOURCE before both.
    https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    """
    found = [os.environ.pop(name, "").replace("\r", "").replace("\n", "").strip() for name in _TOKEN_VARIABLES]
    if os.environ.get("HF_OIDC_RESOURCE"):
        return None
    return next(filter(None, found), None)


def list_repo(repo_id: str, revision: str, allow_patterns: tuple[str, ...], token: str | None = None) -> HubListing:
    """List the files of a repository that match `allow_patterns`, or all when there are none.

    Without a `token`, huggingface_hub looks for one.

    Raises:
        RevisionNotFound: it has no such branch, tag or commit.
        SourceError: there is no such repository, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi

    with _hub_errors(repo_id, revision):
        info = HfApi(token=_sent(token)).model_info(repo_id, revision=revision, files_metadata=True)
    siblings = [file for file in info.siblings or [] if _wanted(file.rfilename, allow_patterns)]
    etags = {file.rfilename: _etag(repo_id, file) for file in siblings}
    return HubListing(commit_hash=str(info.sha), gated=info.gated or "no", etags=etags)


def download(repo_id: str, commit_hash: str, path: str, etag: str, token: str | None = None) -> Path:
    """Return a file in this machine's own Hub cache, downloaded if it is not there.

    huggingface_hub compares sizes and nothing else, and trusts its cache blindly, so the content is compared with
    `etag` here. What differs is downloaded once more, because it may have been damaged on this disk.

    Raises:
        GatedRepo: its terms were not accepted, or there is no token. (The listing is public, the files are not.)
        SourceError: the Hub has no such file, or cannot be reached.
        IntegrityError: what the Hub sends is not what it calls `etag`.
        DiskError: this machine's Hub cache cannot be written.
    """
    from huggingface_hub import hf_hub_download

    for anew in (False, True):
        with _hub_errors(repo_id, commit_hash):
            file = Path(hf_hub_download(repo_id, path, revision=commit_hash, force_download=anew, token=_sent(token)))
        if _is_called(file, etag):
            return file
    hint = "a proxy or mirror may have altered it; if HF_ENDPOINT is set, try without it"
    raise IntegrityError(f"{repo_id}: {path} came twice with other bytes than the Hub says, {etag}", hint=hint)


def _sent(token: str | None) -> str | None:
    """Return what to hand to huggingface_hub, which sends what it is handed even where it is told to send nothing."""
    from huggingface_hub import constants

    return None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else token


def _wanted(path: str, allow_patterns: tuple[str, ...]) -> bool:
    return not allow_patterns or any(fnmatch.fnmatch(path, pattern) for pattern in allow_patterns)


def _etag(repo_id: str, file: "RepoSibling") -> str:
    etag = file.lfs.sha256 if file.lfs else file.blob_id
    if not etag:
        hint = "HF_ENDPOINT names a mirror that lists names alone: use one that answers as huggingface.co does"
        raise SourceError(f"{repo_id}: the Hub does not say what {file.rfilename} holds", hint=hint)
    return etag


def _is_called(file: Path, etag: str) -> bool:
    """Whether `etag` is the name of what `file` holds; a name that is no digest could be anything's."""
    if _SHA256.fullmatch(etag):
        return content_of_file(file).digest.hex == etag
    return not _SHA1.fullmatch(etag) or _git_blob(file) == etag


def _git_blob(path: Path) -> str:
    sha1 = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        for piece in pieces(file):
            sha1.update(piece)
    return sha1.hexdigest()


@contextmanager
def _hub_errors(repo_id: str, revision: str) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        yield
    except LocalEntryNotFoundError as reason:  # says "check your connection" whatever the Hub answered
        raise _translated(repo_id, revision, reason.__cause__ or reason) from None
    except (httpx2.HTTPError, OSError, ValueError) as reason:
        raise _translated(repo_id, revision, reason) from None


def _translated(repo_id: str, revision: str, reason: BaseException) -> DiarizeRunnerError:
    import httpx2
    from huggingface_hub import errors

    if isinstance(reason, (UnicodeEncodeError, httpx2.LocalProtocolError)):
        problem = f"{repo_id}: the token of this machine holds a character that no token has"
        return SourceError(problem, hint=f"copy it anew, and nothing beside it: {_TOKENS}")
    if isinstance(reason, errors.GatedRepoError):
        return _gated(repo_id, reason)
    if isinstance(reason, errors.RevisionNotFoundError):
        hint = f"its branches and tags: https://huggingface.co/{repo_id}/tree/main"
        return RevisionNotFound(f"{repo_id} has no revision {revision}", hint=hint)
    if isinstance(reason, errors.HfHubHTTPError):
        return _refused(repo_id, reason)
    if isinstance(reason, OSError) and reason.errno:
        return DiskError(f"{reason.filename}: {reason.strerror}", hint="HF_HOME can name another folder for it")
    hint = "try again; behind a proxy or mirror, set HTTPS_PROXY or HF_ENDPOINT"
    return SourceError(f"{repo_id}: the Hub cannot be reached: {_sentence(reason)}", hint=hint)


def _refused(repo_id: str, reason: "HfHubHTTPError") -> SourceError:
    from huggingface_hub.errors import RepositoryNotFoundError

    status = reason.response.status_code
    if isinstance(reason, RepositoryNotFoundError) or status == HTTPStatus.UNAUTHORIZED:
        return _not_shown(repo_id, reason)
    if status == HTTPStatus.FORBIDDEN and (account := _account(reason)):
        problem = f"{repo_id}: the token of {account} may not read it: {_sentence(reason)}"
        return GatedRepo(problem, hint=f"let it read public gated repositories: {_TOKENS}")
    hint = "try again in some minutes; a token raises the Hub's limits"
    return SourceError(f"{repo_id}: the Hub did not answer as it should: {_sentence(reason)}", hint=hint)


def _gated(repo_id: str, reason: "GatedRepoError") -> GatedRepo:
    page, account = f"https://huggingface.co/{repo_id}", _account(reason)
    if account is None:
        hint = f"accept its terms on {page}, then set HF_TOKEN to a token of that account (hf auth login does too)"
        return GatedRepo(f"{repo_id} is gated, and no token was sent", hint=hint)
    for said, meant in _REVIEWED.items():
        if said in str(reason):
            return GatedRepo(f"{repo_id} is gated, and {account} {meant}", hint=f"only they can change that: {page}")
    return GatedRepo(f"{repo_id} is gated, and {account} was not let in", hint=f"accept its terms as {account}: {page}")


def _not_shown(repo_id: str, reason: "HfHubHTTPError") -> SourceError:
    """Tell the repository that is not there from the token that nobody knows."""
    account = _account(reason)
    if account and reason.response.status_code == HTTPStatus.UNAUTHORIZED:
        hint = f"make a new one: {_TOKENS}; HF_TOKEN goes before what hf auth login has stored"
        return SourceError(f"{repo_id}: the Hub does not know the token that this machine sent", hint=hint)
    hint = "check the repo_id; a private repository looks like a missing one to who may not see it"
    return SourceError(f"the Hub shows no repository {repo_id} to {account or 'who has no token'}", hint=hint)


def _account(reason: "HfHubHTTPError") -> str | None:
    """Return whose token was sent, for it is the account that has to accept the terms; None when there was none."""
    import httpx2
    from huggingface_hub import HfApi

    sent = reason.response.request.headers.get("authorization")
    if sent is None:
        return None
    try:
        return str(HfApi(token=sent.removeprefix("Bearer ")).whoami()["name"])
    except httpx2.HTTPError:  # asked too often, or the token is not known: the error at hand says more
        return "this account"


def _sentence(reason: BaseException) -> str:
    """Return what the server said, or else the first line of what the client says, without any token in it."""
    said = getattr(reason, "server_message", None) or str(reason).strip() or type(reason).__name__
    return redacted(said.splitlines()[0])
