"""The speed of an NVIDIA T4, and the work per hour of audio of models with community-1's shapes.

`benchmarks/gpu/work.py` counts the work with torch; a test compares it with docs/benchmarks/work-2026-11-29.json. The
speeds are those of NVIDIA's data sheet, at the boost clock of 1,590 MHz.
"""

from dataclasses import dataclass

T4_OPERATIONS_PER_SECOND = 8.1e12
"""In float32; a T4 has no TF32."""
T4_BYTES_PER_SECOND = 320e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """The work for an hour of audio."""

    operations: float
    """A multiply-add is two."""
    bytes: float
    """Inputs and outputs of all kernels."""
    kernels: float
    """Calls."""
    t4_seconds: float
    """The sum of each kernel's least time on a T4, at the peak of its arithmetic or of its memory."""


NETWORK_OF_FAST = Work(operations=16.281e12, bytes=302.9e9, kernels=967.5, t4_seconds=2.6164)
"""The embedding's trunk: 360 chunks of 10 s, 32 at once."""
FEATURES_OF_FAST = Work(operations=0.01477e12, bytes=14.984e9, kernels=18_720, t4_seconds=0.04704)
"""The embedding's features, one chunk at a time."""
POOLING_OF_FAST = Work(operations=0.002831e12, bytes=14.101e9, kernels=652.5, t4_seconds=0.04416)
"""From frames to embeddings, 32 chunks at once."""
SEGMENTATION = Work(operations=9.466e12, bytes=197.8e9, kernels=8192, t4_seconds=1.611)
"""32 chunks of 10 s at once, a chunk every second; an LSTM is one kernel."""
LSTM_STEPS = 3591 / 32 * 4 * 589
"""Of segmentation: batches, layers and frames. Each step needs the result of the one before."""

COUNTING_SECONDS, CLUSTERING_SECONDS, RECONSTRUCTION_SECONDS = 0.07, 3.67, 0.45
"""CPU time of an hour with four voices, by `benchmarks/gpu/cpu_stages.py`: docs/benchmarks/cpu-stages-2026-11-29.json.
Clustering grows with the square of the duration: half an hour takes a quarter."""
