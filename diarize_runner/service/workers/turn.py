"""Which model's jobs are next: those of the loaded model, but not for ever."""


class Turn:
    """Counts the jobs in a row that one model ran."""

    def __init__(self, length: int) -> None:
        self._length, self._model, self._jobs = length, "", 0

    @property
    def preferred(self) -> str | None:
        """Return the model whose turn it is; None when its turn is over, and the oldest job is next."""
        return self._model if 0 < self._jobs < self._length else None

    def take(self, model: str) -> None:
        """Count a job."""
        is_same = model == self._model and self._jobs < self._length
        self._model, self._jobs = model, self._jobs + 1 if is_same else 1
