"""What people see: no name of a file or speaker commands their terminal, forges a line, or is taken for markup."""

import io
import json
import os
import re

import pytest

from diarize_runner.cli import output
from diarize_runner.cli.bars import bars_on
from diarize_runner.cli.output import Result, print_error, print_result
from diarize_runner.cli.progress import ProgressLines
from diarize_runner.cli.terminal import PlainConsole, caption
from diarize_runner.errors import UsageError

NASTY = "a\nerror: forged\r\x1b[2J\x9b2J\u202e\u2028\udce9[link=http://x]b[/link] [bold]c[/] :warning:"
SHOWN = r"a\nerror: forged\r\x1b[2J\x9b2J\u202e\u2028\udce9[link=http://x]b[/link] [bold]c[/] :warning:"
COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_an_error_and_its_hint_are_a_line_each(capsys):
    print_error(UsageError(NASTY, hint=NASTY), as_json=True)
    said = capsys.readouterr()
    assert said.err == f"error: {SHOWN}\nhint: {SHOWN}\n"
    assert json.loads(said.out)["error"] == NASTY
    assert not COMMANDS.search(said.out)


@pytest.mark.parametrize("text", [NASTY, (NASTY, NASTY)])
def test_a_result_has_the_lines_that_it_says(capsys, text):
    print_result(Result(document={}, text=text), as_json=False)
    assert capsys.readouterr().err == f"{SHOWN}\n" * (2 if isinstance(text, tuple) else 1)


def test_a_document_is_the_same_json_and_commands_nothing(capsys):
    print_result(Result(document={NASTY: [NASTY]}, text=""), as_json=True)
    said = capsys.readouterr().out
    assert json.loads(said) == {NASTY: [NASTY]}
    assert not COMMANDS.search(said)


def test_a_table_shows_cells_title_and_caption_as_they_are(monkeypatch):
    from rich.table import Table

    monkeypatch.setenv("COLUMNS", "300")
    drawn = io.StringIO()
    table = Table(title=NASTY, caption=caption([NASTY, "second"]))
    table.add_column(NASTY, no_wrap=True)
    table.add_row(NASTY)
    PlainConsole(drawn).print(table)
    assert drawn.getvalue().count(SHOWN) == 4
    assert not COMMANDS.search(drawn.getvalue())


def test_a_line_away_from_a_terminal_is_one_line():
    stream = io.StringIO()
    ProgressLines(stream, lambda: 0.0).print_line(NASTY)
    assert stream.getvalue() == f"{SHOWN}\n"


def test_bars_and_what_is_told_between_them_show_names_as_they_are(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    stream = Terminal()
    with bars_on(stream) as bars:
        bars.advance(NASTY, completed=1, total=2)
        bars._bars.refresh()
        bars.print_line(NASTY)
    assert stream.getvalue().count(SHOWN) >= 2
    assert not re.search("forged\r|\\[2J\x9b|\u202e|\x1b\\[2J|\x1b]8", stream.getvalue())


def test_no_module_writes_to_a_terminal_by_itself():
    """The negative control of this file: what does not come through output.py or progress.py is not escaped."""
    from pathlib import Path

    package = Path(output.__file__).parents[1]
    writers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"sys\.std(err|out)\.write|\bprint\(|Console\(", path.read_text(encoding="utf-8"))
    }
    children = {
        "alignment/environment.py",
        "batch/on_ray/task.py",
        "cache/checkpoint/child.py",
        "diarization/decoding.py",
        "service/workers/model_process.py",
    }
    documents = {"service/web/openapi.py"}
    assert writers == {"cli/output.py", "cli/terminal.py", "cli/bars.py", *children, *documents}


def test_a_file_whose_name_is_hostile_is_named_in_one_line(run, tmp_path):
    path = tmp_path / "a\nerror: forged\x1b[2J.json"
    ran = run("label", tmp_path / "none.rttm", path)
    assert ran.exit_code == 1
    path.write_text("no transcript")
    (tmp_path / "turns.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> A <NA> <NA>\n")
    ran = run("label", tmp_path / "turns.rttm", path)
    message = rf"error: {tmp_path}/a\nerror: forged\x1b[2J.json is text, but not a supported transcript"
    assert ran.stderr.startswith(message)
    assert len(ran.stderr.splitlines()) == 2


def test_a_name_that_is_no_text_is_printed_as_json_all_the_same(run, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.json")
    ran = run("label", tmp_path / "none.rttm", path, "--json")
    assert (ran.exit_code, ran.document["exit_code"]) == (1, 1)
