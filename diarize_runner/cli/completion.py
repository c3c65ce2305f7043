"""`diarize-runner completion`: print what makes a shell complete commands, options and their values."""

import argparse
import os
import shlex

from diarize_runner.cli.output import Result
from diarize_runner.cli.parser import is_alias
from diarize_runner.progress import Progress

SHELLS = ("bash", "zsh", "fish")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Print the script."""
    from argcomplete.shell_integration import shellcode

    script = shellcode(["diarize-runner"], shell=arguments.shell)
    return Result(document={"shell": arguments.shell, "script": script}, text=(), data=script)


def requested_words() -> list[str] | None:
    """Return the words before the cursor when a shell asks for completions, else None.

    argcomplete's script passes the line in these variables: https://kislyuk.github.io/argcomplete/
    """
    if "_ARGCOMPLETE" not in os.environ:
        return None
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0"))]
    try:
        return shlex.split(line)[1:]
    except ValueError:  # a quote is still open
        return line.split()[1:]


def complete(parser: argparse.ArgumentParser) -> None:
    """Write the completions where the shell reads them, and exit."""
    import argcomplete

    argcomplete.autocomplete(parser, validator=_is_offered)


def _is_offered(completion: str, prefix: str) -> bool:
    return completion.startswith(prefix) and not is_alias(completion)
