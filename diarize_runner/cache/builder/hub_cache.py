"""Read repositories from a Hub cache that is already on this machine, without network and token.

The files of a snapshot are links to blobs, and a blob is named after its etag, so the name of a link's target says
what the file must contain. With shared blobs that target is a link too, to a blob of another name: only the first
link counts. https://huggingface.co/docs/hub/local-cache
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder.hub_source import HubListing, is_selected, matches_etag
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.errors import IntegrityError, RevisionNotFound, SourceError

_COMMIT = re.compile("[0-9a-f]{40}")
_GATED = "auto"
"""A cache does not record whether a repository is gated. This is the cautious value: there may be terms to accept."""
_NO_ETAG = "unknown"
"""For a file that is no link, as where the disk has no links: nothing says what it must contain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubCache:
    """A Hub cache, as huggingface_hub, pyannote and other libraries fill it."""

    root: Path
    """The folder of `models--organisation--name`, or the HF_HOME that has it in `hub`."""

    def list_repo(self, repo_id: str, revision: str, allow_patterns: tuple[str, ...]) -> HubListing:
        """See HubSource. Lists only the files that were downloaded."""
        folder = self._repo_folder(repo_id)
        commit_hash = _commit_of(folder, repo_id, revision)
        snapshot = folder / "snapshots" / commit_hash
        selected = [path for path in _paths(snapshot) if is_selected(path, allow_patterns)]
        etags = {path: _etag(snapshot / path) for path in sorted(selected)}
        return HubListing(commit_hash=commit_hash, gated=_GATED, etags=etags)

    def fetch(self, repo_id: str, commit_hash: str, path: str, etag: str) -> Path:
        """See HubSource. Returns the file in the cache; nothing is copied."""
        file = self._repo_folder(repo_id) / "snapshots" / commit_hash / path
        again = f"download it again: hf download {repo_id} --revision {commit_hash} --force-download"
        if not file.is_file():
            raise SourceError(f"{self.root} does not hold {repo_id}@{commit_hash}: {path}", hint=again)
        try:
            matches = matches_etag(file, etag)
        except OSError as reason:
            raise SourceError(f"{file}: {reason.strerror}", hint="check its permissions") from reason
        if not matches:
            raise IntegrityError(f"{file} does not match its etag {etag}: it is damaged", hint=again)
        return file

    def absent(self, repo: RepoSnapshot) -> tuple[str, ...]:
        """Return what the request selects and the cache lacks: patterns, and files as far as the cache lists them."""
        patterns = repo.hub.allow_patterns if repo.hub else ()
        present = {file.path for file in repo.files}
        unmatched = {each for each in patterns if not any(is_selected(path, (each,)) for path in present)}
        listed = _listed_paths(self._repo_folder(repo.repo_id) / "trees" / f"{repo.commit_hash}.json")
        return tuple(sorted(unmatched | {path for path in listed - present if is_selected(path, patterns)}))

    def _repo_folder(self, repo_id: str) -> Path:
        name = Path(layout.repo_folder(repo_id)).name
        for folder in (self.root / name, self.root / Path(layout.HUB).name / name):
            if (folder / "snapshots").is_dir():
                return folder
        hint = f"name the folder that holds {name}, or download it first: hf download {repo_id}"
        raise SourceError(f"{self.root} is no Hub cache that holds {repo_id}", hint=hint)


def _commit_of(folder: Path, repo_id: str, revision: str) -> str:
    """Return the commit that a branch, a tag or a commit hash names, of which there must be a snapshot."""
    ref, snapshots = folder / "refs" / revision, sorted(path.name for path in (folder / "snapshots").iterdir())
    commit_hash = ref.read_text(encoding="ascii", errors="replace").strip() if ref.is_file() else revision
    if commit_hash in snapshots and _COMMIT.fullmatch(commit_hash):
        return commit_hash
    hint = f"download it: hf download {repo_id} --revision {revision}"
    if snapshots:
        hint = f"write at: COMMIT in the request, one of {', '.join(snapshots)}; or {hint}"
    raise RevisionNotFound(f"{folder} has no snapshot of the revision {revision}", hint=hint)


def _paths(snapshot: Path) -> Iterator[str]:
    for folder, _, files in os.walk(snapshot):
        yield from (Path(folder, name).relative_to(snapshot).as_posix() for name in files)


def _listed_paths(listing: Path) -> set[str]:
    """Return the paths of a commit as newer releases of huggingface_hub list them; empty without such a list."""
    try:
        files = json.loads(listing.read_bytes())["files"]
    except (OSError, ValueError, LookupError, TypeError):  # absent, or of another format: only a report needs it
        return set()
    return set(files) if isinstance(files, dict) else set()


def _etag(file: Path) -> str:
    return file.readlink().name if file.is_symlink() else _NO_ETAG
