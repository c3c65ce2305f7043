"""A binary heap whose values change, with scipy's order of equal values.

scipy's is `Heap` in https://github.com/scipy/scipy/blob/v1.17.1/scipy/cluster/_structures.pxi. `heapq` cannot change a
value, and orders equal values by key.
"""


class Heap:
    """Values by key; keys are 0, 1, 2 and so on."""

    def __init__(self, values: list[float]) -> None:
        self._values = list(values)
        self._keys = list(range(len(values)))
        self._places = list(range(len(values)))
        """The place of each key."""
        for place in reversed(range(len(values) // 2)):
            self._sift_down(place)

    @property
    def first(self) -> tuple[int, float]:
        """The key of the smallest value, and the value."""
        return self._keys[0], self._values[0]

    def pop(self) -> None:
        """Remove the smallest value."""
        self._swap(0, len(self._values) - 1)
        self._values.pop()
        self._keys.pop()
        self._sift_down(0)

    def change(self, key: int, value: float) -> None:
        """Change the value of a key that is in the heap."""
        place = self._places[key]
        before, self._values[place] = self._values[place], value
        if value < before:
            self._sift_up(place)
        else:
            self._sift_down(place)

    def _sift_up(self, place: int) -> None:
        while place > 0 and self._values[(place - 1) // 2] > self._values[place]:
            self._swap(place, (place - 1) // 2)
            place = (place - 1) // 2

    def _sift_down(self, place: int) -> None:
        values = self._values
        while (child := 2 * place + 1) < len(values):
            if child + 1 < len(values) and values[child + 1] < values[child]:
                child += 1
            if values[place] <= values[child]:
                return
            self._swap(place, child)
            place = child

    def _swap(self, one: int, other: int) -> None:
        values, keys = self._values, self._keys
        values[one], values[other] = values[other], values[one]
        keys[one], keys[other] = keys[other], keys[one]
        self._places[keys[one]], self._places[keys[other]] = one, other
