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
    def failed(self):
        return self._count("failed")

    def _count(self, what):
        return int(re.search(rf"\b{what}=(\d+)", self.output)[1])

    def succeeded(self):
        """Return this play, which has to have come to its end."""
        assert self.exit_code == 0, self.output
        return self
