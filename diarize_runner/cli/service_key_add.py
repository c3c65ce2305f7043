"""`diarize-runner service-key add`: add an API key of the service."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.service_key_options import add_keys_option, add_name_argument
from diarize_runner.progress import Progress
from diarize_runner.service.keys import add_key


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `service-key add`."""
    add_name_argument(parser)
    add_keys_option(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Add the key and print it: to stdout, so that a pipe can keep it."""
    token = add_key(arguments.keys, arguments.name)
    document: dict[str, object] = {"name": arguments.name, "key": token, "keys": str(arguments.keys)}
    text = f"added {arguments.name}; the key is not stored and not printed again"
    return Result(document=document, text=text, data=f"{token}\n")
