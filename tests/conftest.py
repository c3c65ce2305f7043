"""What holds for every test."""

import os

# Threads of OpenMP wait by spinning. Where others are at work on the same cores, that makes torch ten times as slow.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
