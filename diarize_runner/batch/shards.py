"""The recordings of one shard: a digest of the key, modulo the number of shards.

Slurm, Kubernetes and AWS Batch start a task for each index of an array, and tell it the index in a variable.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from diarize_runner.errors import UsageError

VARIABLES: Final = ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""https://slurm.schedmd.com/job_array.html, https://kubernetes.io/docs/concepts/workloads/controllers/job/,
https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of several shards."""

    index: int
    """From 0."""
    count: int

    def holds(self, key: str) -> bool:
        """Whether a recording belongs to this shard."""
        digest = hashlib.sha256(key.encode(errors="surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


WHOLE: Final = Shard(index=0, count=1)


def requested_shard(count: int | None, index: int | None, environment: Mapping[str, str]) -> Shard:
    """Return the shard that the options request; without an index, the one of the scheduler's variable.

    Raises:
        UsageError: an index without a number of shards, a number without an index, or an index out of range.
    """
    if count is None:
        if index is not None:
            raise UsageError("--shard requires the number of shards", hint="add --shards N")
        return WHOLE
    found = _index(environment) if index is None else index
    if found is None:
        hint = f"add --shard I, from 0, or set one of {', '.join(VARIABLES)}"
        raise UsageError(f"--shards {count} requires the index of this shard", hint=hint)
    if found >= count:
        hint = f"number the shards from 0 to {count - 1}: in Slurm, --array=0-{count - 1}"
        raise UsageError(f"shard {found} is not one of {count} shards", hint=hint)
    return Shard(index=found, count=count)


def _index(environment: Mapping[str, str]) -> int | None:
    """Return the index that the scheduler gives. Raises UsageError when two schedulers disagree, or it is no number."""
    stated = {name: environment[name] for name in VARIABLES if environment.get(name)}
    if wrong := [f"{name}={value}" for name, value in stated.items() if not value.isdecimal()]:
        raise UsageError(f"{wrong[0]} is not the index of a shard", hint="state the index: --shard I, from 0")
    if len({int(value) for value in stated.values()}) > 1:
        told = ", ".join(f"{name}={value}" for name, value in stated.items())
        raise UsageError(f"{told}: which is the index of this shard?", hint="state it: --shard I")
    return next((int(value) for value in stated.values()), None)
