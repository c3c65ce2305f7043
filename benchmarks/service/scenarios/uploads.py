"""Many uploads at once, from several keys: clients wait as long as refusals say, until all are accepted."""

from collections.abc import Sequence
from typing import Any

from benchmarks.service.answers import Answer, summarise
from benchmarks.service.server import count_states
from benchmarks.service.site import Site

KEYS = 10
_ACCEPTED = 202
_MOST_SECONDS = 1800.0


def measure(site: Site) -> dict[str, Any]:
    """Upload one recording from each of so many clients; wait until the jobs have ended."""
    count, keys = site.sizes.uploads, site.keys[:KEYS]
    with site.serve() as (server, memory):
        load = site.load("uploads", server, count, count=count, task="diarize", tokens=keys)
        answers = load.run(_MOST_SECONDS)
        server.wait_until_idle(site.monitor, _MOST_SECONDS)
        jobs = server.jobs(keys)
    return {
        "uploads": count,
        "keys": len(keys),
        **summarise(answers),
        **describe_accepted(answers, jobs),
        "memory": memory.summarise(),
    }


def describe_accepted(answers: Sequence[Answer], jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many uploads were accepted, how soon, and how many of their jobs the server does not list."""
    accepted = [answer for answer in answers if answer.status == _ACCEPTED]
    listed = {f"/v1/jobs/{job['id']}" for job in jobs}
    end = max((answer.at + answer.seconds for answer in accepted), default=0.0)
    return {
        "accepted": len(accepted),
        "seconds_until_all_accepted": round(end - min(answer.at for answer in answers), 2) if accepted else None,
        "lost": sum(answer.location not in listed for answer in accepted),
        "jobs": count_states(jobs),
    }
