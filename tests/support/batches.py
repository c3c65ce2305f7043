"""A batch on real stores, with a scripted diarizer in place of the models."""

import itertools
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
from support.diarizers import OneSpeaker
from support.sounds import write_wav

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.plan import BatchPlan, open_output
from diarize_runner.batch.run import find_work
from diarize_runner.batch.shards import WHOLE
from diarize_runner.batch.source import InputSource
from diarize_runner.batch.worker import Worker
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.session import Session
from diarize_runner.store.protocol import WritableArchiveStore

_RATE = 16_000
_pitches = itertools.count(200)


class SilentConsole:
    """A ConsoleProgress that prints nothing."""

    def advance(self, stage, *, completed, total, overall=None):
        pass

    def print_line(self, line):
        pass

    def paused(self):
        return nullcontext()


@dataclass(kw_only=True)
class Batch:
    """Recordings of a store, and their results."""

    plan: BatchPlan
    manifest: CacheManifest
    folder: object
    """For files to upload."""
    diarizer: OneSpeaker = field(default_factory=OneSpeaker)
    opened: int = 0
    """How often models were loaded."""

    @property
    def output(self) -> WritableArchiveStore:
        return open_output(self.plan)

    def add(self, key, data=None):
        """Write a recording of a tenth of a second, or other bytes."""
        path = self.folder / "new"
        write_recording(path) if data is None else path.write_bytes(data)
        store = self.plan.source.open()
        store.delete(key)
        store.create(key, path)

    def work(self, shard=WHOLE, **changes):
        plan = replace(self.plan, **changes)
        return find_work(plan, plan.source.recordings(), shard, SilentConsole())

    def run(self, pending=None, **changes):
        """Run what is left, or `pending`, as one process; return the outcomes."""
        plan = replace(self.plan, **changes)
        left = self.work(**changes).pending if pending is None else pending
        with closing(Worker(plan, SilentConsole(), self._open)) as worker:
            return list(worker.run(left))

    def results(self, suffix=".json"):
        """Return the keys of the results of any configuration."""
        return sorted(key for key in self.output.keys("") if "/results/" in key and key.endswith(suffix))

    def _open(self, _plan, _progress, _stack):
        self.opened += 1
        return Session(diarizer=self.diarizer, manifest=self.manifest)


def write_recording(path):
    """Write a tone of a tenth of a second, each time another one."""
    times = np.arange(_RATE // 10) / _RATE
    write_wav(path, [0.5 * np.sin(2 * np.pi * next(_pitches) * times)], _RATE)


def plan_for(base, output, manifest, **options):
    """Return a plan with the scripted models."""
    configuration = Configuration(manifest=manifest.digest, engine="exact")
    source = InputSource.of(base, base=None, transcripts=None)
    return BatchPlan(source=source, output=output, configuration=configuration, cache="", device="cpu", **options)
