"""Files of repositories on the Hugging Face Hub: the only place that knows huggingface_hub.

The token is huggingface_hub's own business: it reads HF_TOKEN or the login of this machine, uses it for
these requests, and none of it reaches a lock, a manifest or an archive. HF_ENDPOINT names another Hub.
"""

import fnmatch
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.errors import GatedRepo, RevisionNotFound, SourceError

# Read by huggingface_hub when it is imported. A build host's own cache keeps the classic layout this way, and
# nothing of its own accord is sent.
os.environ.setdefault("HF_HUB_DISABLE_SHARED_BLOBS", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubListing:
    """A repository at one commit, as the Hub lists it."""

    commit_hash: str
    gated: str
    """`no`, `auto` or `manual`."""
    etags: dict[str, str]
    """What the Hub calls each file's content: a SHA-256 (large files) or a git blob's SHA-1."""


def list_repo(repo_id: str, revision: str, allow_patterns: tuple[str, ...]) -> HubListing:
    """List the files of a repository that match `allow_patterns`, or all when there are none.

    Raises:
        GatedRepo: its terms were not accepted, or there is no token.
        RevisionNotFound: it has no such branch, tag or commit.
        SourceError: there is no such repository, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi

    with _hub_errors(repo_id, revision):
        info = HfApi().model_info(repo_id, revision=revision, files_metadata=True)
    siblings = [file for file in info.siblings or [] if _wanted(file.rfilename, allow_patterns)]
    etags = {file.rfilename: file.lfs.sha256 if file.lfs else str(file.blob_id) for file in siblings}
    return HubListing(commit_hash=str(info.sha), gated=info.gated or "no", etags=etags)


def download(repo_id: str, commit_hash: str, path: str) -> Path:
    """Return a file in this machine's own Hub cache, downloaded if it is not there; raises as `list_repo` does."""
    from huggingface_hub import hf_hub_download

    with _hub_errors(repo_id, commit_hash):
        return Path(hf_hub_download(repo_id, path, revision=commit_hash))


def _wanted(path: str, allow_patterns: tuple[str, ...]) -> bool:
    return not allow_patterns or any(fnmatch.fnmatch(path, pattern) for pattern in allow_patterns)


@contextmanager
def _hub_errors(repo_id: str, revision: str) -> Iterator[None]:
    from huggingface_hub import errors
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except errors.GatedRepoError as reason:
        raise _gated(repo_id, reason) from None
    except RevisionNotFoundError:
        hint = f"its branches and tags: https://huggingface.co/{repo_id}/tree/main"
        raise RevisionNotFound(f"{repo_id} has no revision {revision}", hint=hint) from None
    except RepositoryNotFoundError as reason:
        raise _not_found(repo_id, reason) from None
    except (HfHubHTTPError, errors.LocalEntryNotFoundError, errors.FileMetadataError, OSError) as reason:
        message = f"{repo_id}: the Hub did not answer as it should: {_first_line(reason)}"
        raise SourceError(message, hint="try again; behind a proxy or mirror, set HTTPS_PROXY or HF_ENDPOINT") from None


def _gated(repo_id: str, reason: Exception) -> GatedRepo:
    page = f"https://huggingface.co/{repo_id}"
    account = _account()
    if account is None:
        hint = f"accept its terms on {page}, then set HF_TOKEN to a token of that account (hf auth login does too)"
        return GatedRepo(f"{repo_id} is gated, and there is no valid token here", hint=hint)
    review = "awaiting a review" in str(reason)
    state = "is waiting for its authors to grant access" if review else "has not accepted its terms"
    return GatedRepo(f"{repo_id} is gated, and {account} {state}", hint=f"accept them as {account} on {page}")


def _not_found(repo_id: str, reason: Exception) -> SourceError:
    account = _account()
    who = f"as {account}" if account else "without a valid token"
    hint = "check the repo_id; a private repository looks like a missing one to who may not see it"
    return SourceError(f"the Hub shows no repository {repo_id} ({who}): {_first_line(reason)}", hint=hint)


def _account() -> str | None:
    """Return whose token this machine uses, if the Hub knows it: the account that has to accept the terms."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        return str(HfApi().whoami()["name"])
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError, ValueError):
        return None


def _first_line(reason: BaseException) -> str:
    return (str(reason).strip() or type(reason).__name__).splitlines()[0]
