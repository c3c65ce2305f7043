"""Run a command in this process."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict:
        return json.loads(self.stdout)


def run_main(capsys, main, *arguments: object) -> CommandResult:
    """Run the `main` of a command."""
    try:
        exit_code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        exit_code = stopped.code
    captured = capsys.readouterr()
    return CommandResult(exit_code=exit_code, stdout=captured.out, stderr=captured.err)
