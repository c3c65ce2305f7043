"""Types that several shapes share."""

from typing import Annotated, Final

from pydantic import Field

EXAMPLE_ID: Final = "8e5f6b1c0d4e4d8c9a3b7f2e1d0c9b8a"
"""Of a job."""
Warnings = Annotated[
    list[str],
    Field(
        description="Why the result may be wrong, and fields that were ignored.",
        examples=[["the field 'clustering_threshold' is ignored"]],
    ),
]
