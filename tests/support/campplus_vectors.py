"""Embeddings by 3D-Speaker's own implementation of CAM++; see tests/vectors/campplus/README.md."""

import json
from pathlib import Path

TOLERANCE = 1e-4
"""The largest value is near 2."""
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/campplus/embeddings.json").read_text())
SPANS = VECTORS["sample"]
"""Each has `start`, `end` and `embedding`."""
RANDOM_WEIGHTS = {each["voice"]: each["embedding"] for each in VECTORS["random_weights"]}
"""By voice of `support.pipelines`, with the weights of `campplus()`."""
