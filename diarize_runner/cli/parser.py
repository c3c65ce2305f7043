"""How the command line says that it was not understood."""

import argparse
from typing import NoReturn

from diarize_runner.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Says what is wrong and what to do as every other error does, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        """Print the two lines."""
        self.exit(UsageError.exit_code, f"error: {message}\nhint: {self.prog} --help\n")
