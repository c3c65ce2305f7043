"""Embeddings by 3D-Speaker's own implementation of CAM++; see tests/vectors/campplus/README.md."""

import json
from pathlib import Path

TOLERANCE = 1e-4
"""The largest value is near 2."""
TONES_TOLERANCE = 5e-3
"""Tones leave most bands empty, and the logarithm of an empty band is that of rounding errors, which depend on the CPU:
an AMD EPYC, which computed the vectors, and an Intel Xeon differ by 1.7e-3."""
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/campplus/embeddings.json").read_text())
SPANS = VECTORS["sample"]
"""Each has `start`, `end` and `embedding`."""
RANDOM_WEIGHTS = {each["voice"]: each["embedding"] for each in VECTORS["random_weights"]}
"""By voice of `support.pipelines`, with the weights of `campplus()`."""
