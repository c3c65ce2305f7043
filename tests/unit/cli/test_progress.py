"""What people see while they wait."""

import io

from diarize_runner.cli.progress import ProgressLines, progress_for


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
