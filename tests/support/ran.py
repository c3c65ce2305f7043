"""A command run in this process, and what it left."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command left on its exits."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict:
        return json.loads(self.stdout)


def ran(capsys, main, *arguments: object) -> Ran:
    """Run a command's `main`."""
    try:
        exit_code = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        exit_code = stopped.code
    captured = capsys.readouterr()
    return Ran(exit_code=exit_code, stdout=captured.out, stderr=captured.err)
