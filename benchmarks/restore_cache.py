#!/usr/bin/env python3
"""How fast a cache is restored, against `curl | tar -xz` of a classic tarball of the same tree: `make bench-cache`.

Everything is on this machine: 1 GiB of synthetic fp32 weights in 8 blobs, served by nginx on loopback. The two ways
take turns, round by round; figures are medians and ratios of one run, with the machine beside them.
Needs nginx and curl.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-m", "diarize_runner"]
MIB = 1 << 20
REPO_ID = "synthetic/weights"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One command, run once."""

    seconds: float


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="synthetic weights (default: 1024)")
    parser.add_argument("--blobs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as folder:
        report = measure(Path(folder), arguments.mib, arguments.blobs, arguments.rounds)
    print(table(report))  # noqa: T201  # a script's output
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(work: Path, mib: int, blobs: int, rounds: int) -> dict[str, object]:
    """Return every figure."""
    store = make_store(work, mib, blobs)
    classic = make_classic(work, store)
    with served(work) as (url, log):
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(piped_into_tar(work, f"{url}/{classic.name}"))
            ours.append(restored(work / "box", f"{url}/store", fresh=True))
        floors = {"server": server_rate(url, mib), "sha256": sha256_rate(), "disk": disk_rate(work, mib)}
        same = same_tree(work / "box/current/huggingface", work / "classic/huggingface")
        unchanged = moved(log, lambda: restored(work / "box", f"{url}/store", fresh=False))
        changed_blob = change_one_blob(work, mib, blobs)
        delta = moved(log, lambda: restored(work / "box", f"{url}/store", fresh=False))
    return {
        "machine": {"cpu_count": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "weights_mib": mib,
        "rounds": rounds,
        "restore": summary(ours, mib),
        "curl_into_tar": summary(theirs, mib),
        "ratio": statistics.median(each.seconds for each in theirs) / statistics.median(each.seconds for each in ours),
        "same_tree": same,
        "floors_mib_per_second": floors,
        "of_the_floor": mib / statistics.median(each.seconds for each in ours) / min(floors.values()),
        "nothing_changed": unchanged,
        "one_blob_changed": {**delta, "stored_bytes_of_that_blob": changed_blob},
    }


def make_store(work: Path, mib: int, blobs: int) -> Path:
    """Publish synthetic weights as version 1.0 of a store in `work`."""
    generator = np.random.default_rng(1)
    for index in range(blobs):
        write_blob(work, index, generator.standard_normal(mib * MIB // blobs // 4, dtype=np.float32).tobytes())
    sources = {f"blob{index}.safetensors": {"local": f"files/blob{index}.safetensors"} for index in range(blobs)}
    (work / "files/config.yaml").write_text("pipeline: {name: none}\n", encoding="utf-8")
    repo = {
        "repo_id": REPO_ID,
        "revision": "main",
        "licence": "MIT",
        "files": {"config.yaml": {"local": "files/config.yaml"}, **sources},
    }
    request = {"format": "diarize-runner/request/1", "name": "synthetic", "pipeline": REPO_ID, "repos": [repo]}
    (work / "synthetic.yaml").write_text(yaml.safe_dump(request, sort_keys=False), encoding="utf-8")
    publish(work, "1.0")
    return work / "store"


def write_blob(work: Path, index: int, data: bytes) -> None:
    """Write one file of the synthetic repository."""
    (work / "files").mkdir(exist_ok=True)
    (work / f"files/blob{index}.safetensors").write_bytes(data)


def publish(work: Path, version: str) -> None:
    """Take the synthetic request to the store."""
    requirements = ROOT / "requirements/requirements-diarization.txt"
    run([*COMMAND, "cache", "resolve", str(work / "synthetic.yaml")])
    build = ["cache", "build", str(work / "synthetic.yaml"), "--version", version, "--out", str(work / "built")]
    run([*COMMAND, *build, "--requirements", str(requirements)])
    run([*COMMAND, "cache", "publish", str(work / "built"), "--store", f"file://{work}/store"])


def make_classic(work: Path, store: Path) -> Path:
    """Pack the same tree as people do: tar and gzip -6."""
    (work / "tree").mkdir()
    run(["tar", "-xzf", str(store / "v1.0/huggingface-cache.tar.gz"), "-C", str(work / "tree")])
    run(["tar", "-czf", str(work / "classic.tar.gz"), "-C", str(work / "tree"), "huggingface"])
    shutil.rmtree(work / "tree")
    return work / "classic.tar.gz"


def change_one_blob(work: Path, mib: int, blobs: int) -> int:
    """Publish version 1.1, one blob of which is new; return how long that blob is in the archive."""
    data = np.random.default_rng(2).standard_normal(mib * MIB // blobs // 4, dtype=np.float32).tobytes()
    write_blob(work, 0, data)
    publish(work, "1.1")
    manifest = json.loads((work / "store/v1.1/manifest.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(data).hexdigest()
    return next(span["length"] for span in manifest["archive"]["blobs"] if span["digest"].endswith(digest))


def piped_into_tar(work: Path, url: str) -> Ran:
    """Do as the manual way does, unverified."""
    shutil.rmtree(work / "classic", ignore_errors=True)
    (work / "classic").mkdir()
    return run(["sh", "-c", f"curl -fsS {url} | tar -xzf - -C {work}/classic"])


def restored(box: Path, store: str, *, fresh: bool) -> Ran:
    """Do as a box does, verified."""
    if fresh:
        shutil.rmtree(box, ignore_errors=True)
    return run([*COMMAND, "cache", "restore", "--store", store, "--into", str(box)])


def run(command: list[str]) -> Ran:
    """Run a command that must succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)}: {done.stderr}")
    return Ran(seconds=seconds)


@contextmanager
def served(work: Path) -> Iterator[tuple[str, Path]]:
    """Serve `work` with nginx; yield its address and its access log."""
    port, log = 18080, work / "access.log"
    (work / "nginx.conf").write_text(
        f"daemon off; worker_processes 2; pid {work}/nginx.pid; error_log {work}/error.log; user root;\n"
        "events { worker_connections 64; }\n"
        f"http {{ log_format sent '$status $body_bytes_sent'; access_log {log} sent; sendfile on;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {work}; }} }}\n",
        encoding="utf-8",
    )
    server = subprocess.Popen(["nginx", "-c", str(work / "nginx.conf"), "-e", str(work / "error.log")])  # noqa: S603, S607
    try:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}", log
    finally:
        server.terminate()
        server.wait()


def moved(log: Path, act: Callable[[], Ran]) -> dict[str, int]:
    """Count what the server sent while `act` ran."""
    log.write_text("", encoding="utf-8")
    act()
    time.sleep(0.2)
    sent = [int(line.split()[1]) for line in log.read_text(encoding="utf-8").splitlines()]
    return {"requests": len(sent), "bytes": sum(sent)}


def server_rate(url: str, mib: int) -> float:
    """MiB per second that curl gets over four connections."""
    size = mib * MIB // 4
    ranges = [f"{index * size}-{(index + 1) * size - 1}" for index in range(4)]
    fetch = f"curl -fsS -o /dev/null -r {{}} {url}/store/v1.0/huggingface-cache.tar.gz"
    start = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: subprocess.run(["sh", "-c", fetch.format(part)], check=True), ranges))  # noqa: S603, S607
    return mib / (time.perf_counter() - start)


def sha256_rate() -> float:
    """MiB per second on all cores."""
    data, cores = bytes(256 * MIB), os.cpu_count() or 1
    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda _: hashlib.sha256(data).digest(), range(cores)))
    return 256 * cores / (time.perf_counter() - start)


def disk_rate(work: Path, mib: int) -> float:
    """MiB per second that one writer puts into new files; median of three."""
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        with (work / "plain").open("wb") as file:
            for _ in range(mib):
                file.write(b"\1" * MIB)
        rates.append(mib / (time.perf_counter() - start))
        (work / "plain").unlink()
    return statistics.median(rates)


def same_tree(ours: Path, theirs: Path) -> bool:
    """Whether both ways left the same files and links."""
    return subprocess.run(["diff", "-r", "--no-dereference", str(ours), str(theirs)], check=False).returncode == 0  # noqa: S603, S607


def summary(runs: list[Ran], mib: int) -> dict[str, float]:
    """Return the median, the extremes and the rate."""
    seconds = [each.seconds for each in runs]
    median = statistics.median(seconds)
    return {"median_s": median, "min_s": min(seconds), "max_s": max(seconds), "mib_per_s": mib / median}


def table(report: dict[str, object]) -> str:
    """Return the figures as people read them."""
    return re.sub(r"[\"{},]", "", json.dumps(report, indent=2)).replace("\n\n", "\n")


if __name__ == "__main__":
    main()
