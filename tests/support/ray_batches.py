"""A batch on a local Ray cluster, with scripted models (support/scripted_models)."""

import os
import re
from collections import Counter

from support.batches import write_recording
from support.command import ROOT

SCRIPTED = os.pathsep.join(str(path) for path in (ROOT / "tests/support/scripted_models", ROOT, ROOT / "tests"))
"""PYTHONPATH of processes with scripted models."""


_LONGEST_RUN = 1200.0
"""Seconds of a single process, on a busy machine."""


class RayBatch:
    """Recordings in a folder, their results in others, and the journal of the scripted models."""

    def __init__(self, cluster, folder, cache, recordings, seconds=0.5):
        self._cluster, self._cache, self._folder, self._journal = cluster, cache, folder, folder / "journal"
        (folder / "in").mkdir()
        (folder / "seconds").write_text(str(seconds))
        self._journal.touch()
        self.names = [f"call-{number:03d}" for number in range(recordings)]
        for number, name in enumerate(self.names):
            write_recording(folder / "in" / f"{name}.wav", 200 + number)

    def drive(self, *options, on="", output="out", **environment):
        """Start the driver; return its process."""
        words = ("batch", self._folder / "in", self._folder / output, "--on", on or f"ray://{self._cluster.address}")
        common = ("--cache", self._cache, "--engine", "exact")
        return self._cluster.drive(*words, *common, *(options or ("--device", "cpu")), **environment)

    def run_here(self):
        """Run all recordings in one process; return their results."""
        driver = self.drive(on="local", output="expected")
        assert driver.wait(_LONGEST_RUN) == 0, driver.text
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
