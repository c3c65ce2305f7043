"""What came of a run of Ansible."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Play:
    """One run, on one host."""

    exit_code: int
    output: str

    @property
    def changed(self):
        """How many tasks changed something, or would have in check mode."""
        return self._count("changed")

    @property
    def words(self):
        """What it said, without the folds."""
        return " ".join(self.output.split())

    @property
    def failure(self):
        """What it said when it stopped, which it has to have done at a task."""
        assert self.exit_code == 2, self.output
        assert self._count("failed") == 1, self.output
        return self.words

    def _count(self, what):
        return int(re.search(rf"\b{what}=(\d+)", self.output)[1])

    def succeeded(self):
        """Return this play, which has to have come to its end."""
        assert self.exit_code == 0, self.output
        return self
