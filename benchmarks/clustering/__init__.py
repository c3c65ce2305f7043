"""Compare the exact engine's centroid linkage with scipy's, which stock calls: `python -m benchmarks.clustering`.

    embeddings.py   synthetic embeddings of speakers, scattered, repeated, or on a lattice
    step.py         one clustering of hours of speech, in its own process: time and peak memory
    equality.py     cluster numbers of both linkages, on random sets and on a model's embeddings
    __main__.py     the report

A chunk starts each second, and has one embedding: n hours have 3,600 n of them.
"""

import os

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # read when pyannote is imported
