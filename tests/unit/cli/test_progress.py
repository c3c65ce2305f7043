"""What people see while they wait."""

import io
import sys
import time

from rich.progress import Task, TaskID

from diarize_runner.cli.bars import RemainingColumn
from diarize_runner.cli.progress import ProgressLines, progress_for
from diarize_runner.progress import OverallProgress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that the test turns."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_away_from_a_terminal_a_line_is_written_every_30_seconds():
    stream, clock = io.StringIO(), Clock()
    lines = ProgressLines(stream, clock)
    for second in range(0, 91, 5):
        clock.now = 1000.0 + second
        lines.advance("embeddings", completed=second, total=120)
    assert stream.getvalue().splitlines() == [
        "embeddings: 25 %, 30 s elapsed, about 90 s remaining",
        "embeddings: 50 %, 60 s elapsed, about 60 s remaining",
        "embeddings: 75 %, 90 s elapsed, about 30 s remaining",
    ]


def test_short_work_says_nothing():
    stream = io.StringIO()
    with progress_for(stream) as progress:
        progress.advance("verify", completed=1, total=1)
    assert stream.getvalue() == ""


def test_a_new_stage_starts_its_own_clock():
    stream, clock = io.StringIO(), Clock()
    lines = ProgressLines(stream, clock)
    lines.advance("segmentation", completed=0, total=10)
    clock.now += 29
    lines.advance("embeddings", completed=1, total=10)
    clock.now += 29
    lines.advance("embeddings", completed=2, total=10)
    assert stream.getvalue() == ""


def test_on_a_terminal_each_stage_has_a_bar():
    terminal = Terminal()
    with progress_for(terminal) as progress:
        progress.advance("segmentation", completed=3, total=4)
        progress.advance("embeddings", completed=1, total=4)
    assert "segmentation" in terminal.getvalue()
    assert "75%" in terminal.getvalue()


def test_a_line_tells_of_the_whole_recording_where_that_is_known_and_goes_on_over_its_stages():
    stream, clock = io.StringIO(), Clock()
    lines = ProgressLines(stream, clock)
    for second, stage in enumerate(["segmentation"] * 20 + ["embeddings"] * 21):
        clock.now = 1000.0 + second
        overall = OverallProgress(name="talk", elapsed=second, remaining=100 - second)
        lines.advance(stage, completed=second % 20, total=20, overall=overall)
    assert stream.getvalue() == "talk, embeddings: 50 %, 30 s elapsed, about 70 s remaining\n"


def test_where_only_the_stage_is_known_the_line_says_so():
    stream, clock = io.StringIO(), Clock()
    lines = ProgressLines(stream, clock)
    lines.advance("segmentation", completed=0, total=4, overall=OverallProgress(name="talk", elapsed=1, remaining=None))
    clock.now += 30
    lines.advance(
        "segmentation", completed=1, total=4, overall=OverallProgress(name="talk", elapsed=31, remaining=None)
    )
    assert stream.getvalue() == "talk, segmentation: 25 %, 31 s elapsed, about 90 s remaining in this stage\n"


def test_a_bar_tells_of_the_whole_and_those_of_one_recording_go_when_the_next_begins():
    terminal = Terminal()
    with progress_for(terminal) as progress:
        progress.advance(
            "segmentation", completed=3, total=4, overall=OverallProgress(name="talk", elapsed=5, remaining=90.2)
        )
        with progress.paused():
            drawn = terminal.getvalue()
        terminal.truncate(0)
        progress.advance(
            "segmentation", completed=1, total=4, overall=OverallProgress(name="walk", elapsed=1, remaining=80)
        )
    assert "talk, segmentation" in drawn
    assert "0:01:30 in all" in drawn
    assert "walk, segmentation" in terminal.getvalue()
    assert "talk" not in terminal.getvalue()


def test_what_is_told_stays_on_the_terminal_as_it_was_said():
    terminal = Terminal()
    with progress_for(terminal) as progress:
        progress.advance("segmentation", completed=3, total=4)
        progress.print_line("[red]talk[/red]: 30 s")
    assert "[red]talk[/red]: 30 s" in terminal.getvalue()


def test_what_goes_to_stdout_meanwhile_is_not_drawn_with_the_bars(capsys):
    terminal = Terminal()
    with progress_for(terminal):
        sys.stdout.write("SPEAKER talk\n")
    assert capsys.readouterr().out == "SPEAKER talk\n"
    assert "SPEAKER" not in terminal.getvalue()


def test_a_bar_counts_down_between_two_reports():
    task = Task(TaskID(1), "load models", 1, 0, _get_time=lambda: 100.0)
    task.fields.update(overall=OverallProgress(name="talk", elapsed=0, remaining=60), reported=88.0)
    assert str(RemainingColumn().render(task)) == "0:00:48 in all"
    task.fields["reported"] = 0.0
    assert str(RemainingColumn().render(task)) == "0:00:00 in all"


def test_without_an_estimate_a_bar_says_that_its_time_is_of_its_stage():
    terminal = Terminal()
    unknown = OverallProgress(name="talk", elapsed=1, remaining=None)
    with progress_for(terminal) as progress:
        for completed in range(1, 4):
            progress.advance("segmentation", completed=completed, total=40, overall=unknown)
            time.sleep(0.02)
        with progress.paused():
            drawn = terminal.getvalue()
    assert "in this stage" in drawn
