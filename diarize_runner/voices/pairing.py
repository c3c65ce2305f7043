"""Pair the speakers of a recording with known voices, one to one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def pair(cosines: "npt.NDArray[np.floating]", threshold: float) -> Iterator[tuple[int, int]]:
    """Yield pairs (row, column) of cosines (speakers, voices), so that the sum of the cosines is the greatest possible.

    Pairs below the threshold count nothing, so that they displace no other pair, and are not yielded.
    """
    import numpy as np  # here: every --help imports this module, also where only the base is installed
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.where(cosines >= threshold, cosines, 0.0), maximize=True)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if cosines[row, column] >= threshold:
            yield row, column
