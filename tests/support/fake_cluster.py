"""A cluster in memory, whose time passes only when the scheduler waits: each wait, every slot does one recording.

It runs tasks as Ray does: in the order in which they are submitted, each at least once, and again elsewhere when the
node dies. `results` stand for the bucket: a recording that has one is not done again.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.on_ray.scheduling import ChunkResult, NodeFailure
from diarize_runner.batch.outcomes import AlreadyDone, Done
from diarize_runner.batch.plan import BatchPlan
from diarize_runner.batch.source import InputSource
from diarize_runner.digests import Digest
from diarize_runner.store.protocol import StoredObject


def recording(key):
    """Return a recording."""
    return InputRecording(audio=StoredObject(key=key, size=1, state=""))


def plan_on(device="auto"):
    """Return a plan."""
    configuration = Configuration(manifest=Digest(hex="0" * 64), engine="auto")
    source = InputSource.of("/calls", base=None, transcripts=None)
    return BatchPlan(source=source, output="file:///results", configuration=configuration, cache="/c", device=device)


@dataclass
class _Task:
    recordings: tuple
    avoided: tuple
    outcomes: list = field(default_factory=list)


class FakeCluster:
    """Nodes by name, with their slots; `before_wait` is called with the number of the wait."""

    def __init__(self, nodes, before_wait=lambda _wait: None, results=()):
        self.nodes, self.before_wait = dict(nodes), before_wait
        self.broken, self.results, self.begun = set(), set(results), Counter()
        """Nodes that cannot work; keys with a result; how often each key was begun."""
        self.most_submitted, self.cancelled, self._waits = 0, (), 0
        self._waiting, self._running, self._tasks = deque(), {}, {}

    def slots(self, avoided):
        return sum(slots for node, slots in self.nodes.items() if node not in avoided)

    def submit(self, recordings, avoided):
        assert recordings, "an empty chunk was submitted"
        name = f"task {len(self._tasks)}"
        self._tasks[name] = _Task(recordings, avoided)
        self._waiting.append(name)
        self.most_submitted = max(self.most_submitted, len(self._waiting) + len(self._running))
        return name

    def finished(self, tasks, seconds):
        assert seconds > 0
        self.before_wait(self._waits)
        self._waits += 1
        assert self._waits < 1_000_000, "it waits for ever"
        self._assign()
        done = {task: self._step(task, node) for task, node in tuple(self._running.items())}
        found = {task: result for task, result in done.items() if result}
        assert set(found) <= set(tasks)
        for task in found:
            del self._running[task]
        return found

    def cancel(self, tasks):
        self.cancelled = tasks

    def kill(self, node):
        """End a node; what it ran waits again, before the others."""
        del self.nodes[node]
        lost = [task for task, where in self._running.items() if where == node]
        for task in lost:
            del self._running[task]
            self._tasks[task].outcomes.clear()
        self._waiting.extendleft(lost)

    def _assign(self):
        """Give each free slot the first task that may run there."""
        for node, slots in self.nodes.items():
            for _ in range(slots - list(self._running.values()).count(node)):
                task = next((each for each in self._waiting if node not in self._tasks[each].avoided), None)
                if task:
                    self._waiting.remove(task)
                    self._running[task] = node

    def _step(self, name, node):
        """Do the next recording of a task; return its result if that was the last."""
        task = self._tasks[name]
        if node in self.broken:
            failure = NodeFailure(node=node, host=f"host of {node}", message="the disk is full", hint="free some space")
            return ChunkResult(outcomes=tuple(task.outcomes), failure=failure)
        key = task.recordings[len(task.outcomes)].key
        self.begun[key] += key not in self.results
        task.outcomes.append(self._outcome(key))
        self.results.add(key)
        return ChunkResult(outcomes=tuple(task.outcomes)) if len(task.outcomes) == len(task.recordings) else None

    def _outcome(self, key):
        return AlreadyDone(key=key) if key in self.results else Done(key=key, audio_seconds=1, processing_seconds=1)
