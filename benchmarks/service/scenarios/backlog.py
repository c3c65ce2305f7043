"""Many queued jobs are worked off while `/livez` is asked 10 times a second."""

from typing import Any

from benchmarks.service.answers import summarise
from benchmarks.service.scenarios.throughput import last_end
from benchmarks.service.scenarios.uploads import describe_accepted
from benchmarks.service.site import Site

_UPLOADERS = 16
_PROBERS = 10
"""Each asks once a second."""
_MOST_SECONDS = 7200.0


def measure(site: Site) -> dict[str, Any]:
    """Submit the jobs from all keys, and wait until they have ended."""
    count = site.sizes.jobs
    with site.serve() as (server, memory):
        probes = site.load("probes", server, _PROBERS)
        with probes.running():
            load = site.load("uploads", server, _UPLOADERS, count=count, task="diarize")
            submitted = load.run(_MOST_SECONDS)
            waiting = server.unfinished(site.monitor)
            server.wait_until_idle(site.monitor, _MOST_SECONDS)
        jobs = server.jobs(site.keys)
    accepted_at = max(answer.at + answer.seconds for answer in submitted)
    asked = probes.read()
    return {
        "submitted": count,
        "keys": len(site.keys),
        **describe_accepted(submitted, jobs),
        "most_waiting": waiting,
        "seconds_from_first_upload_to_last_result": round(last_end(jobs) - min(each.at for each in submitted), 2),
        "uploads": summarise(submitted),
        "livez_during_uploads": summarise([answer for answer in asked if answer.at <= accepted_at]),
        "livez_after_uploads": summarise([answer for answer in asked if answer.at > accepted_at]),
        "livez": summarise(asked),
        "memory": memory.summarise(),
    }
