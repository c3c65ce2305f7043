"""`diarize-runner cache`: resolve, build, publish, restore, verify."""

from diarize_runner.cli import cache_build, cache_publish, cache_resolve, cache_restore, cache_verify
from diarize_runner.cli.options import Commands


def add_parser(commands: Commands) -> None:
    """Add the group."""
    parser = commands.add_parser("cache", help="build, publish, restore and verify model caches")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for module in (cache_resolve, cache_build, cache_publish, cache_restore, cache_verify):
        module.add_parser(verbs)
