"""Names of engines and devices, for the command line, the Python API, workloads and reports."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Engine = Literal["auto", "exact", "fast", "stock"]
AUTO: Final = "auto"
"""The default: `fast` for the embedded models, `exact` for other pipelines."""
EXACT: Final = "exact"
"""The output of `stock`, faster."""
FAST: Final = "fast"
"""Embeds each second of audio once, so its output is not that of `stock`."""
STOCK: Final = "stock"
"""Pyannote's unmodified pipeline, the baseline of comparisons."""
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
EQUAL_TO_STOCK: Final[tuple[Engine, ...]] = (STOCK, EXACT)
"""The engines whose output is that of stock."""
DEVICES: Final = ("auto", "cuda", "cpu")
"""`auto` is cuda if available, else cpu."""

DIFFERENCES: Final[Mapping[str, str]] = {
    EXACT: "none: the output is that of stock pyannote",
    FAST: "only chunks that do not overlap are embedded, and agglomerative clustering is adapted: docs/adr/0021",
    STOCK: "none",
}
"""How the output of an engine differs from stock's, for results."""
