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
    cache_sbom,
    cache_verify,
    cache_wheels,
)
from diarize_runner.cli.options import Commands

_MAKING = (cache_resolve, cache_build, cache_keygen, cache_sbom)
_KEEPING = (cache_publish, cache_list, cache_rollback, cache_prune)
_USING = (cache_restore, cache_verify, cache_wheels)


def add_parser(commands: Commands) -> None:
    """Add the group."""
    description = "build, publish, restore and verify model caches"
    parser = commands.add_parser("cache", help=description, description=description)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for module in (*_MAKING, *_KEEPING, *_USING):
        module.add_parser(verbs)
