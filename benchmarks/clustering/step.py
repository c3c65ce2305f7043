"""Cluster the embeddings of hours of speech in this process, and print time and peak memory as JSON.

python -m benchmarks.clustering.step exact --count 14400 --dimension 256

The clustering is pyannote's `AgglomerativeClustering`, with the parameters of speaker-diarization-3.1.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from pyannote.audio.pipelines.clustering import AgglomerativeClustering

from benchmarks.clustering.embeddings import speakers
from benchmarks.engines.memory import peak_bytes
from diarize_runner.diarization import clustering as exact

ENGINES = ("stock", "exact")
PARAMETERS = {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799}
_SCATTER = 0.45


def main() -> None:
    """Cluster, and print one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustering.step")
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--count", type=int, required=True, help="embeddings")
    parser.add_argument("--dimension", type=int, required=True)
    arguments = parser.parse_args()
    embeddings = speakers(np.random.default_rng(0), arguments.count, arguments.dimension, _SCATTER)
    print(json.dumps(measure(arguments.engine, embeddings)))  # noqa: T201  # read by __main__.py


def measure(engine: str, embeddings: np.ndarray) -> dict[str, float]:
    """Return CPU and wall seconds, and the bytes by which the process's peak memory exceeded its memory before."""
    clustering = AgglomerativeClustering().instantiate(PARAMETERS)
    if engine == "exact":
        exact.MAX_EMBEDDINGS_OF_SCIPY = 0  # measure short recordings, too, for which the exact engine uses scipy
        exact.limit_memory(clustering)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the peak to the present memory: man 5 proc
    before, cpu, wall = peak_bytes(), time.process_time(), time.perf_counter()
    found = clustering.cluster(embeddings, min_clusters=1, max_clusters=20)
    return {
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "seconds": round(time.perf_counter() - wall, 2),
        "peak_bytes": peak_bytes() - before,
        "speakers": int(found.max()) + 1,
    }


if __name__ == "__main__":
    main()
