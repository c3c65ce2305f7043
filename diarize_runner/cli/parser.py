"""How the command line says that it was not understood."""

import argparse
from typing import Any, NoReturn

from diarize_runner.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Raises what is wrong as every other error, and takes options by their whole name alone."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, hint=f"{self.prog} --help")
