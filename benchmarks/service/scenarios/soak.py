"""A mix of everything at a steady rate for a long time: counts, and the growth of memory."""

import time
from typing import Any

from benchmarks.service.answers import summarise, summarise_by_name
from benchmarks.service.server import count_states
from benchmarks.service.site import Site

_CLIENTS = 4
_VISITORS = 1
_PACING_SECONDS = 20.0
"""Of each client: one job in that time."""
_MINUTE = 60.0
_MOST_SECONDS = 600.0


def measure(site: Site) -> dict[str, Any]:
    """Return the counts by request, the jobs that were not deleted, and memory."""
    with site.serve() as (server, memory):
        settings = {"clients": _CLIENTS, "pacing_seconds": _PACING_SECONDS}
        load = site.load("mix", server, _CLIENTS + _VISITORS, **settings)
        with load.running():
            time.sleep(site.sizes.soak_minutes * _MINUTE)
        growth = memory.summarise()  # before the rest is worked off
        server.wait_until_idle(site.monitor, _MOST_SECONDS)
        jobs = server.jobs(site.keys)
    answers = load.read()
    return {
        "minutes": site.sizes.soak_minutes,
        **summarise(answers),
        "requests_by_name": summarise_by_name(answers),
        "jobs_not_deleted": count_states(jobs),
        "memory": growth,
    }
