"""What holds for every test."""

import os

from hypothesis import settings

# Threads of OpenMP wait by spinning. Where others are at work on the same cores, that makes torch ten times as slow.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The same examples each time, however long one takes on a machine that is busy.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
