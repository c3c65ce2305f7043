"""The option that names where the files of Hub repositories come from."""

import argparse
from pathlib import Path

from diarize_runner.cache.builder.hub import OnlineHub, default_cache, pop_token
from diarize_runner.cache.builder.hub_cache import HubCache
from diarize_runner.cache.builder.hub_source import HubSource


def add_hub_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add `--from-hf-cache`."""
    described = "take the files of Hub repositories from the Hub cache DIR, without network or token (without DIR: "
    parser.add_argument(
        "--from-hf-cache",
        type=_hub_cache,
        nargs="?",
        const="",
        metavar="DIR",
        help=f"{described}from huggingface_hub's own, which HF_HOME may name)",
    )


def hub_source(arguments: argparse.Namespace) -> HubSource:
    """Return the cache that the option names, else the Hub. Removes the token from the environment in both cases."""
    online = OnlineHub(token=pop_token())
    cache: HubCache | None = arguments.from_hf_cache
    return cache or online


def _hub_cache(text: str) -> HubCache:
    return HubCache(root=Path(text).expanduser() if text else default_cache())
