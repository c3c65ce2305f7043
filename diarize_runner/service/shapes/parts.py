"""Types that several shapes share."""

from typing import Annotated

from pydantic import Field

Warnings = Annotated[
    list[str],
    Field(
        description="Why the result may be wrong, and fields that were ignored.",
        examples=[["the field 'clustering_threshold' is ignored"]],
    ),
]
