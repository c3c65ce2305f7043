"""Clients that send a byte a second, beside ordinary requests.

There are three phases: no slow client; slow headers, and slow bodies of one key; slow headers, and slow bodies of two
keys, which are as many as may upload at a time.
"""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from benchmarks.service.answers import Answer, summarise_by_name
from benchmarks.service.server import Server
from benchmarks.service.site import Site

_PHASE_SECONDS = 30.0
_ARRIVAL_SECONDS = 5.0
"""Until all slow clients have connected."""
_ORDINARY_USERS = 6
_PHASES = {"no slow client": 0, "slow bodies of one key": 1, "slow bodies of two keys": 2}
"""The number of keys of slow bodies."""


def measure(site: Site) -> dict[str, Any]:
    """Return the answers to ordinary requests, and how the slow connections ended, for each phase."""
    with site.serve() as (server, memory):
        phases = {name: _measure_phase(site, server, slow_keys) for name, slow_keys in _PHASES.items()}
    return {"slow_clients": site.sizes.slow_clients, "phases": phases, "memory": memory.summarise()}


def count_ends(answers: Iterable[Answer]) -> dict[str, dict[str, int]]:
    """Return how many connections ended how, by kind of slow client."""
    ends: dict[str, Counter[str]] = {}
    for answer in answers:
        how = f"answered {answer.status}" if answer.status else answer.error
        ends.setdefault(answer.name, Counter())[how] += 1
    return {name: dict(counts) for name, counts in ends.items()}


def _measure_phase(site: Site, server: Server, slow_keys: int) -> dict[str, Any]:
    ordinary = site.load("ordinary", server, _ORDINARY_USERS, tokens=site.keys[2:])
    if not slow_keys:
        with ordinary.running():
            time.sleep(_PHASE_SECONDS)
        return {"ordinary": summarise_by_name(ordinary.read())}
    slow = _slow(site, server, site.keys[:slow_keys])
    with slow.running():
        time.sleep(_ARRIVAL_SECONDS)
        with ordinary.running():
            time.sleep(_PHASE_SECONDS)
        time.sleep(2 * _ARRIVAL_SECONDS)
    return {"ordinary": summarise_by_name(ordinary.read()), "slow": count_ends(slow.read())}


def _slow(site: Site, server: Server, keys: tuple[str, ...]) -> Any:
    clients = site.sizes.slow_clients
    bodies = clients // 3
    settings = {"slow_tokens": keys, "slow_bodies": bodies, "slow_headers": clients - bodies}
    return site.load("slow", server, clients, hold_seconds=_PHASE_SECONDS + 1.5 * _ARRIVAL_SECONDS, **settings)
