"""Progress bars on a terminal: one per stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

from rich.progress import BarColumn, Progress, Task, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from diarize_runner.cli.terminal import PlainConsole
from diarize_runner.control_characters import escape_controls
from diarize_runner.progress import OverallProgress


@contextmanager
def bars_on(stream: TextIO) -> Iterator["ProgressBars"]:
    """Yield bars on `stream`; remove them at the end of the block."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), RemainingColumn())
    # stdout carries data: rich must not redirect it to the terminal it draws on.
    with Progress(*columns, console=PlainConsole(stream), transient=True, redirect_stdout=False) as bars:
        yield ProgressBars(bars)


class RemainingColumn(TimeRemainingColumn):
    """The remaining time of all stages where it is known, else of the stage.

    Between two reports it counts down: while models load, there are none.
    """

    def render(self, task: Task) -> Text:
        """Return the text of the cell."""
        overall: OverallProgress | None = task.fields["overall"]
        if overall is None or task.finished:
            return super().render(task)
        if overall.remaining is None:
            known = "" if task.time_remaining is None else " in this stage"
            return super().render(task).append(known)
        remaining = max(0.0, overall.remaining - (task.get_time() - task.fields["reported"]))
        return Text(f"{timedelta(seconds=round(remaining))} in all", style="progress.remaining")


class ProgressBars:
    """One bar per stage; the next recording's bars replace them."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._work = ""
        self._tasks: dict[str, TaskID] = {}

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Draw the stage's bar."""
        if overall and overall.name != self._work:
            self._clear(overall.name)
        now = self._bars.get_time()
        if stage not in self._tasks:
            description = f"{overall.name}, {stage}" if overall else stage
            task = self._bars.add_task(escape_controls(description), total=total, overall=overall, reported=now)
            self._tasks[stage] = task
        self._bars.update(self._tasks[stage], completed=completed, total=total, overall=overall, reported=now)

    def print_line(self, line: str) -> None:
        """Print it above the bars."""
        with self.paused():
            self._bars.console.print(line)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the bars until the end of the block."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def _clear(self, work: str) -> None:
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._work, self._tasks = work, {}
