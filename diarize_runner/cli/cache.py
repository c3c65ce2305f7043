"""`diarize-runner cache`: the verbs of a model cache, from a request to a box."""

from diarize_runner.cli import (
    cache_build,
    cache_keygen,
    cache_list,
    cache_prune,
    cache_publish,
    cache_resolve,
    cache_restore,
    cache_rollback,
    cache_verify,
)
from diarize_runner.cli.options import Commands

_ON_THE_BUILD_HOST = (cache_resolve, cache_build, cache_keygen, cache_publish, cache_list, cache_rollback, cache_prune)
_ON_THE_BOX = (cache_restore, cache_verify)


def add_parser(commands: Commands) -> None:
    """Add the group."""
    description = "build, publish, restore and verify model caches"
    parser = commands.add_parser("cache", help=description, description=description)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for module in (*_ON_THE_BUILD_HOST, *_ON_THE_BOX):
        module.add_parser(verbs)
