"""List many keys, compare them with results, and schedule them on a cluster in memory; in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.provision.site import ROOT
from diarize_runner.batch.on_ray.scheduling import Scheduler
from diarize_runner.batch.run import find_work
from diarize_runner.batch.source import InputSource
from diarize_runner.progress import NoProgress

sys.path.append(str(ROOT / "tests"))
from support.fake_cluster import FakeCluster, plan_on

_NODES = 200
_FILES_PER_FOLDER = 1000


def measure(keys: int) -> dict[str, object]:
    """Return the seconds and the peak memory of a driver."""
    with TemporaryDirectory(prefix="bench-batch-", dir="/var/tmp") as work:
        for number in range(keys):
            folder = Path(work, "in", f"{number // _FILES_PER_FOLDER:04}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"call-{number:07}.wav").touch()
        command = [sys.executable, "-m", "benchmarks.batch.schedule", work]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603  # our own
    return {"keys": keys, "nodes": _NODES, **json.loads(done.stdout)}


def _drive(work: Path) -> dict[str, float]:
    plan = replace(
        plan_on("cuda"),
        source=InputSource.of(str(work / "in"), base=None, transcripts=None),
        output=(work / "out").as_uri(),
    )
    began = time.perf_counter()
    pending = find_work(plan, plan.source.recordings(), NoProgress()).pending
    listed = time.perf_counter()
    cluster = FakeCluster({f"node {number}": 1 for number in range(_NODES)})
    outcomes = sum(1 for _ in Scheduler(cluster=cluster, print_line=lambda _line: None).run(iter(pending)))
    if outcomes != len(pending):
        raise SystemExit(f"error: {outcomes} outcomes of {len(pending)} recordings")
    return {
        "seconds_to_list_and_compare": listed - began,
        "seconds_to_schedule": time.perf_counter() - listed,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_drive(Path(sys.argv[1]))))
