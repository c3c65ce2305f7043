"""Centroid linkage with memory that grows with the number of embeddings, not with its square.

`scipy.cluster.hierarchy.linkage` keeps the distances of all pairs twice: 8 bytes for each embedding squared, 20 GB for
50,000. This module keeps the centroids, and computes a distance when it needs one. It takes the same steps as scipy's
generic algorithm, with the same heap, so that equal distances give the same order of merges. Only the rounding of
distances differs: scipy updates the distances of a merged cluster with the formula of Lance and Williams.

The algorithm: figure 3 in https://arxiv.org/abs/1109.2378. scipy's: `fast_linkage` in
https://github.com/scipy/scipy/blob/v1.17.1/scipy/cluster/_hierarchy.pyx.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from diarize_runner.diarization.heap import Heap

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
_BLOCK = 64
"""Rows of distances in memory at the same time."""
_ROUNDING = 2.0**-24
"""Of float32."""
_CROWDED = 0.9
"""Rows of merged clusters are dropped when less than this share of rows is left."""


def centroid_linkage(embeddings: npt.NDArray[np.floating]) -> Matrix:
    """Return scipy's dendrogram (merges, 4) of embeddings (embeddings, dimension), with Euclidean distances.

    Raises:
        ValueError: an embedding is not finite, as in scipy.
    """
    points = np.array(embeddings, np.float64, order="C")
    if not np.isfinite(points).all():
        raise ValueError("the embeddings must contain only finite values")
    clusters = _Clusters(points)
    return np.array([clusters.merge_closest() for _ in range(len(points) - 1)]).reshape(-1, 4)


class _Centroids:
    """The centroids of the clusters, in rows in order of their keys; a key is the number of an embedding in a cluster.

    Products in float32 tell which distances may matter: reading half the bytes takes less than half the time. `_exact`
    computes those distances.
    """

    def __init__(self, points: Matrix) -> None:
        self._points, self._rounded, self._left = points, points.astype(np.float32), len(points)
        self._norms = np.vecdot(points, points)
        """Squared; infinite for removed clusters."""
        self._error = 2 * (points.shape[1] + 3) * _ROUNDING * float(self._norms.max())
        """Bound on the error of a rounded squared distance: N. Higham, Accuracy and Stability, section 3.1."""
        self._keys = np.arange(len(points))
        self._rows = np.arange(len(points))
        """The row of each key."""

    def all_nearest(self) -> Iterator[tuple[int, float]]:
        """Yield what `nearest` returns for each key but the last, before any merge."""
        last = len(self._points) - 1
        for first in range(0, last, _BLOCK):
            block = slice(first, min(first + _BLOCK, last))
            products = self._rounded[block] @ self._rounded[first:].T
            squares = self._norms[block, None] + self._norms[first:] - 2 * products
            for offset, distances in enumerate(squares):
                yield self._nearest(first + offset, distances[offset + 1 :])

    def nearest(self, key: int) -> tuple[int, float]:
        """Return the closest cluster with a higher key, the first of several, and its distance; infinite if none."""
        row = self._rows[key]
        return self._nearest(row, self._squares(row, row + 1))

    def move(self, key: int, into: int, share: float) -> None:
        """Remove a cluster, and move another one's centroid towards it by `share` of the way."""
        row, target = self._rows[key], self._rows[into]
        # In this form, the centroid of equal points is exactly that point.
        self._points[target] += share * (self._points[row] - self._points[target])
        self._rounded[target] = self._points[target]
        self._norms[target] = np.vecdot(self._points[target], self._points[target])
        self._norms[row] = np.inf
        self._left -= 1
        if self._left < _CROWDED * len(self._points):
            self._drop_removed()

    def closer(self, key: int, bounds: Matrix, always: Indices) -> tuple[Indices, Matrix]:
        """Return the lower keys that are closer than their bound, or in `always`, and their distances."""
        row = self._rows[key]
        keys = self._keys[:row]
        squares = self._squares(row, 0)[:row]
        wanted = squares < bounds[keys] ** 2 + self._error
        wanted[self._rows[always]] = True
        rows = np.flatnonzero(wanted & np.isfinite(squares))
        return keys[rows], self._exact(row, rows)

    def _squares(self, row: int, first: int) -> Matrix:
        """Return the rounded squared distances of a row to the rows from `first`; infinite for removed ones."""
        products = np.vecdot(self._rounded[first:], self._rounded[row])
        squares: Matrix = self._norms[row] + self._norms[first:] - 2 * products
        return squares

    def _nearest(self, row: int, squares: Matrix) -> tuple[int, float]:
        closest = squares.min(initial=np.inf)
        if closest == np.inf:
            return -1, np.inf
        rows = row + 1 + np.flatnonzero(squares <= closest + 2 * self._error)
        distances = self._exact(row, rows)
        best = int(distances.argmin())
        return int(self._keys[rows[best]]), float(distances[best])

    def _exact(self, row: int, rows: Indices) -> Matrix:
        distances: Matrix = cdist(self._points[row][None], self._points[rows])[0]
        return distances

    def _drop_removed(self) -> None:
        left = np.isfinite(self._norms)
        self._points, self._rounded = self._points[left], self._rounded[left]
        self._norms, self._keys = self._norms[left], self._keys[left]
        self._rows[self._keys] = np.arange(len(self._keys))


class _Clusters:
    """Clusters, and for each the neighbour with a higher key that may be its closest one."""

    def __init__(self, points: Matrix) -> None:
        count = len(points)
        self._centroids = _Centroids(points)
        self._sizes, self._numbers, self._merges = np.ones(count), np.arange(count), 0
        nearest = [*self._centroids.all_nearest(), (-1, np.inf)]
        self._neighbours = np.array([key for key, _ in nearest])
        self._distances = np.array([distance for _, distance in nearest])
        """To the neighbour."""
        self._bounds = self._distances.copy()
        """Lower bounds on the distance to the closest cluster with a higher key."""
        self._heap = Heap(self._bounds[:-1].tolist())

    def merge_closest(self) -> tuple[float, float, float, float]:
        """Merge the two closest clusters; return their numbers, distance and common size."""
        key, distance = self._closest()
        into = int(self._neighbours[key])
        self._heap.pop()
        first, second = sorted((int(self._numbers[key]), int(self._numbers[into])))
        size = self._sizes[key] + self._sizes[into]
        self._centroids.move(key, into, self._sizes[key] / size)
        self._bounds[key] = -np.inf
        self._sizes[into], self._numbers[into] = size, len(self._numbers) + self._merges
        self._merges += 1
        self._follow(key, into)
        return first, second, distance, size

    def _closest(self) -> tuple[int, float]:
        """Return the key of which the neighbour is closest, and the distance."""
        while True:
            key, distance = self._heap.first
            if distance == self._distances[key]:
                return key, distance
            self._set(key, *self._centroids.nearest(key))

    def _follow(self, key: int, into: int) -> None:
        """Update neighbours after `key` became a part of `into`, whose centroid moved."""
        before = self._neighbours[:into]
        before[:key][before[:key] == key] = into
        followers = np.flatnonzero((before == into) & (self._bounds[:into] > -np.inf))
        keys, distances = self._centroids.closer(into, self._bounds, followers)
        self._distances[keys[before[keys] == into]] = distances[before[keys] == into]
        for each, distance in zip(keys.tolist(), distances.tolist(), strict=True):
            if distance < self._bounds[each]:
                self._set(each, into, distance)
        neighbour, distance = self._centroids.nearest(into)
        if neighbour >= 0:
            self._set(into, neighbour, distance)

    def _set(self, key: int, neighbour: int, distance: float) -> None:
        self._neighbours[key], self._distances[key], self._bounds[key] = neighbour, distance, distance
        self._heap.change(key, distance)
