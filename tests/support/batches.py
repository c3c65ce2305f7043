"""A batch on real stores, with a scripted diarizer in place of the models."""

from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace

from support.diarizers import OneSpeaker
from support.sounds import tone, write_wav

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.plan import BatchPlan, open_output
from diarize_runner.batch.run import find_work
from diarize_runner.batch.source import InputSource
from diarize_runner.batch.worker import Worker
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.jobs.session import Session
from diarize_runner.store.protocol import WritableArchiveStore

_RATE = 16_000


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
    added: Counter = field(default_factory=Counter)
    opened: int = 0
    """How often models were loaded."""

    @property
    def output(self) -> WritableArchiveStore:
        return open_output(self.plan)

    def add(self, key, data=None):
        """Write a recording, or other bytes; each time that a key is added, another recording."""
        path = self.folder / "new"
        self.added[key] += 1
        write_recording(path, 200 * self.added[key]) if data is None else path.write_bytes(data)
        store = self.plan.source.open()
        store.delete(key)
        store.create(key, path)

    def work(self, **changes):
        plan = replace(self.plan, **changes)
        return find_work(plan, plan.source.recordings(), SilentConsole())

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


def write_recording(path, pitch):
    """Write a tone of a tenth of a second."""
    write_wav(path, [tone(0.1, _RATE, pitch)], _RATE)


def plan_for(base, output, manifest, **options):
    """Return a plan with the scripted models."""
    configuration = Configuration(manifest=manifest.digest, engine="exact")
    source = InputSource.of(base, base=None, transcripts=None)
    return BatchPlan(source=source, output=output, configuration=configuration, cache="", device="cpu", **options)
