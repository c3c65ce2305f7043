"""A batch on a local Ray cluster, with scripted models (support/scripted_models)."""

import os
import re
from collections import Counter

from support.batches import write_recording
from support.command import ROOT

SCRIPTED = os.pathsep.join(str(path) for path in (ROOT / "tests/support/scripted_models", ROOT, ROOT / "tests"))
"""PYTHONPATH of processes with scripted models."""


class RayBatch:
    """Recordings in a folder, their results in others, and the journal of the scripted models."""

    def __init__(self, cluster, folder, cache, recordings, seconds=0.5):
        self._cluster, self._cache = cluster, cache
        self.input, self._folder, self._journal = folder / "in", folder, folder / "journal"
        self.environment = {
            "PYTHONPATH": SCRIPTED,
            "SCRIPTED_JOURNAL": str(self._journal),
            "SCRIPTED_SECONDS": str(seconds),
        }
        self._nodes = []
        self.input.mkdir()
        self._journal.touch()
        for number in range(recordings):
            write_recording(self.input / f"call-{number:03d}.wav", 200 + number)

    def add_node(self, *options, **environment):
        self._nodes.append(self._cluster.add_node(*options, **{**self.environment, **environment}))
        return self._nodes[-1]

    def stop_nodes(self):
        """Kill its nodes."""
        for node in self._nodes:
            node.kill()
        self._nodes.clear()

    def drive(self, *options, output="out", **environment):
        """Start the driver; return its process."""
        words = ("batch", "run", self.input, self._folder / output, "--cache", self._cache, "--engine", "exact")
        on = () if "--on" in options else ("--on", f"ray://{self._cluster.address}")
        return self._cluster.drive(
            *words, *on, *(options or ("--device", "cpu")), **{**self.environment, **environment}
        )

    def run_here(self):
        """Run all recordings in one process; return their results."""
        assert self.drive("--on", "local", "--device", "cpu", output="expected").wait() == 0
        self._journal.write_text("")
        return self.results("expected")

    def results(self, output="out"):
        """Return the bytes of each result by its key."""
        folder = self._folder / output
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("results/**/*") if path.is_file()}

    @property
    def begun(self):
        """Return how often each recording was begun."""
        return Counter(re.findall(r"^began (.+)$", self._journal.read_text(), re.MULTILINE))

    @property
    def loads(self):
        """Return the GPU of each process that loaded the models."""
        return re.findall(r"^loaded on GPU (.+)$", self._journal.read_text(), re.MULTILINE)
