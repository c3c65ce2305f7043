"""`diarize-runner service-key list`: list the API keys of the service."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.service_key_options import add_keys_option
from diarize_runner.progress import Progress
from diarize_runner.service.keys import KeyFile


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `service-key list`."""
    add_keys_option(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """List the names, and when each key was made."""
    keys = KeyFile.load(arguments.keys).keys.keys
    document = {"keys": [{"name": key.name, "created": key.created} for key in keys]}
    return Result(document=document, text=f"keys: {len(keys)}", data="".join(f"{k.name}\t{k.created}\n" for k in keys))
