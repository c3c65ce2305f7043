"""Progress on a terminal: a bar per stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

from rich.progress import BarColumn, Progress, Task, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from diarize_runner.cli.terminal import PlainConsole
from diarize_runner.controls import escaped
from diarize_runner.progress import Whole


@contextmanager
def drawn_on(stream: TextIO) -> Iterator["ProgressBars"]:
    """Yield bars on `stream` that are gone afterwards."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), Remaining())
    # What goes to stdout is data, and not for rich to send where it draws.
    with Progress(*columns, console=PlainConsole(stream), transient=True, redirect_stdout=False) as bars:
        yield ProgressBars(bars)


class Remaining(TimeRemainingColumn):
    """The time until all is done, where that is known, and else until the stage is."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        whole: Whole | None = task.fields["whole"]
        if whole is None or whole.remaining is None or task.finished:
            return super().render(task)
        return Text(f"{timedelta(seconds=round(whole.remaining))} in all", style="progress.remaining")


class ProgressBars:
    """A bar per stage; those of one recording go when the next begins."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._work = ""
        self._tasks: dict[str, TaskID] = {}

    def advance(self, stage: str, *, completed: int, total: int, whole: Whole | None = None) -> None:
        """Draw it."""
        if whole and whole.name != self._work:
            self._clear(whole.name)
        if stage not in self._tasks:
            described = f"{whole.name}, {stage}" if whole else stage
            self._tasks[stage] = self._bars.add_task(escaped(described), total=total, whole=whole)
        self._bars.update(self._tasks[stage], completed=completed, total=total, whole=whole)

    def tell(self, line: str) -> None:
        """Write it above the bars."""
        with self.paused():
            self._bars.console.print(line)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bars away for as long."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def _clear(self, work: str) -> None:
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._work, self._tasks = work, {}
