"""How the command line says that it was not understood."""

import argparse
from typing import Any, NoReturn

from diarize_runner.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Raises what is wrong as every other error, and takes options by their whole name alone."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Leave nothing unknown to the command above, whose help says nothing of this one's options."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, hint=f"{self.prog} --help")
