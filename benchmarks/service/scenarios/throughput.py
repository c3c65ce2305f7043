"""The same recordings through the service, and through one `diarize-runner diarize`, in alternation.

Both start cold: the service has no process with models at the first upload, as its idle time is over, and the command
starts its own. Both times include the import of torch, the verification of the cache and the loading of the models.
The service's own server runs already. Its time is from the first upload to the last job's end.
"""

import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.service.answers import summarise
from benchmarks.service.processes import MODEL
from benchmarks.service.server import PROGRAM, Server, count_states, wait_until
from benchmarks.service.site import Site

_UPLOADERS = 4
_IDLE_SECONDS = "1"
_MOST_SECONDS = 3600.0


def measure(site: Site) -> dict[str, Any]:
    """Return the seconds of each round, and the ratio of the medians."""
    recordings = _copies(site)
    rounds: list[dict[str, Any]] = []
    with site.serve("--idle-seconds", _IDLE_SECONDS) as (server, _):
        for number in range(site.sizes.rounds):
            key = site.keys[number % len(site.keys)]
            steps = {
                "service": lambda key=key: _serve(site, server, key),
                "command": lambda: _command(site, recordings),
            }
            names = [*steps] if number % 2 == 0 else [*steps][::-1]
            rounds.append({name: steps[name]() for name in names})
    return {"recordings": len(recordings), "audio_seconds_each": 30.0, "models": "cold in both", **compare(rounds)}


def compare(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the rounds, their medians, and throughput of the service / throughput of the command."""
    service = median(each["service"]["seconds"] for each in rounds)
    command = median(each["command"]["seconds"] for each in rounds)
    return {
        "rounds": list(rounds),
        "service_seconds": service,
        "command_seconds": command,
        "throughput_ratio": round(command / service, 3),
    }


def last_end(jobs: Sequence[dict[str, Any]]) -> float:
    """Return when the last job ended: seconds since the epoch."""
    return max(datetime.fromisoformat(job["finished_at"].replace("Z", "+00:00")).timestamp() for job in jobs)


def _copies(site: Site) -> list[Path]:
    folder = site.work / "recordings"
    folder.mkdir(exist_ok=True)
    names = [folder / f"recording-{number:03d}.wav" for number in range(site.sizes.recordings)]
    return [Path(shutil.copyfile(site.long, name)) for name in names]


def _serve(site: Site, server: Server, key: str) -> dict[str, Any]:
    wait_until(lambda: MODEL not in server.resident(), _MOST_SECONDS, "the models are not unloaded")
    count = site.sizes.recordings
    load = site.load("uploads", server, _UPLOADERS, count=count, task="diarize", tokens=[key], recording=str(site.long))
    answers = load.run(_MOST_SECONDS)
    server.wait_until_idle(site.monitor, _MOST_SECONDS)
    jobs = server.jobs((key,))
    seconds = round(last_end(jobs) - min(answer.at for answer in answers), 3)
    return {"seconds": seconds, "jobs": count_states(jobs), "uploads": summarise(answers)}


def _command(site: Site, recordings: Sequence[Path]) -> dict[str, Any]:
    folder = site.work / "labelled"
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--device", "cpu", "--cache", str(site.cache), "--output-dir", str(folder), "--formats", "json,rttm"]
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [*PROGRAM, "diarize", *map(str, recordings), *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: diarize ended with exit code {done.returncode}: {done.stderr}")
    return {"seconds": round(time.perf_counter() - start, 3), "files": sum(1 for _ in folder.iterdir())}
