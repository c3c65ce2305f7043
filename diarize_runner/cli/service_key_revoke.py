"""`diarize-runner service-key revoke`: remove an API key of the service."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.service_key_options import add_keys_option, add_name_argument
from diarize_runner.progress import Progress
from diarize_runner.service.keys import revoke_key


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `service-key revoke`."""
    add_name_argument(parser)
    add_keys_option(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Remove the key."""
    revoke_key(arguments.keys, arguments.name)
    document: dict[str, object] = {"name": arguments.name, "keys": str(arguments.keys)}
    return Result(document=document, text=f"revoked {arguments.name}")
