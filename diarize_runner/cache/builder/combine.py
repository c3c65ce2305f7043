"""Combine locks into one, so that one version holds a pipeline and transcription models."""

from collections.abc import Sequence

from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.fields import Node
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.errors import UsageError


def combine(locks: Sequence[CacheLock]) -> CacheLock:
    """Return the lock that has a pipeline, with the repositories of the other locks before its own.

    So a transcription model that is added to the embedded cache becomes its default.

    Raises:
        UsageError: not exactly one of the locks has a pipeline.
        ManifestError: two of them have repositories of one name.
    """
    first, *others = sorted(locks, key=lambda lock: lock.pipeline is None)
    first.require_pipeline()
    if second := next((lock for lock in others if lock.pipeline), None):
        hint = "build a version for each pipeline"
        raise UsageError(f"{first.name} and {second.name} each have a pipeline", hint=hint)
    repos = tuple(repo for lock in (*others, first) for repo in lock.repos)
    layout.require_unique_folders([repo.repo_id for repo in repos], Node(value=repos, document="the requests"))
    return CacheLock(request=first.request, name=first.name, pipeline=first.pipeline, repos=repos)
