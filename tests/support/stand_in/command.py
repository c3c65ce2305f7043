#!python
"""Stands in for `diarize-runner` on hosts that have no PyTorch: see `support.stand_in`."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from diarize_runner import cli
from diarize_runner.doctor.diagnosis import Diagnosis
from diarize_runner.errors import DiarizeRunnerError, UnreadableAudio
from diarize_runner.spool.run import Spool
from diarize_runner.spool.run import run as run_spool

try:
    from diarize_runner.cache.box.open import open_cache
    from diarize_runner.doctor.check import run_check
    from diarize_runner.doctor.sample_result import (
        SAMPLE_RESULT,
        check_sample_once,
        recheck_sample,
        sample_inputs,
    )
    from diarize_runner.progress import NoProgress
except ModuleNotFoundError:  # release 0.1.0 has other names
    from diarize_runner.doctor.proof import PROOF as SAMPLE_RESULT
    from diarize_runner.doctor.proof import grounds_of as sample_inputs
    from diarize_runner.doctor.proof import prove_anew as recheck_sample
    from diarize_runner.doctor.proof import prove_once as check_sample_once

    from diarize_runner.doctor.cache import look_at_cache as open_cache
    from diarize_runner.doctor.check import checked as run_check
    from diarize_runner.progress import Silent as NoProgress

    sys.argv[1:3] = ["cache", "tidy"] if sys.argv[1:3] == ["cache", "prune"] else sys.argv[1:3]


class Model:
    """The shell script in a cache."""

    def __init__(self, folder):
        self.cache = open_cache(folder, NoProgress())

    def run(self, recording):
        model = self.cache.pipeline_folder / "model.sh"
        done = subprocess.run(["sh", model], stdin=recording, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnreadableAudio(f"the model fails: {done.stderr.strip()}")
        return done.stdout

    def label(self, recording, transcript):
        with recording.open() as file:
            return {".labelled.json": self.run(file).encode()}


def diarize(arguments):
    with arguments.subject.open() as file:
        sys.stdout.write(Model(arguments.cache).run(file))
    return 0


def doctor(arguments):
    def sample():
        return run_check("sample", lambda: Model(arguments.cache).run(subprocess.DEVNULL))

    if arguments.sample_once:
        inputs = sample_inputs(Diagnosis(checks=()), arguments.cache, arguments.device)
        check = check_sample_once(SAMPLE_RESULT, inputs, sample)
    else:
        check = recheck_sample(SAMPLE_RESULT, sample)
    diagnosis = Diagnosis(checks=(check,))
    json.dump(diagnosis.to_dict(), sys.stdout)
    return int(diagnosis.state)


def benchmark(arguments):
    output = Model(arguments.cache).run(subprocess.DEVNULL)
    json.dump({"format": "diarize-runner/benchmark/1", "device": arguments.device, "heard": output}, sys.stdout)
    return 0


def spool(arguments):
    options = {"settle": arguments.settle}
    if idle := float(os.environ.get("DIARIZE_RUNNER_SPOOL_IDLE_SECONDS", "0")):
        from diarize_runner.spool.idle import IdlePolicy, LinkTargets

        installed = LinkTargets.read(arguments.cache / "current", Path(sys.argv[0]))
        options["idle"] = IdlePolicy(seconds=idle, installed=installed)
    for outcome in run_spool(Spool(folder=arguments.subject), lambda: Model(arguments.cache), **options):
        sys.stdout.write(f"{outcome}\n")
    return 0


def serve(arguments):
    from stand_in_service import serve as serve_output

    release = next(Path(folder, "release") for folder in sys.path if Path(folder, "release").is_file())
    serve_output(f"{release.read_text()}: {Model(arguments.cache).run(subprocess.DEVNULL).strip()}")
    return 0


def main():
    if sys.argv[1] == "cache":
        return cli.main()
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["diarize", "doctor", "benchmark", "serve", "spool"])
    parser.add_argument("subject", nargs="?", type=Path)
    parser.add_argument("--cache", type=Path, default="/var/lib/diarize-runner/cache")
    parser.add_argument("--device")
    parser.add_argument("--settle", type=float)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--sample-once", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments, others = parser.parse_known_args()
    if others and arguments.command != "serve":
        parser.error(f"unknown arguments: {others}")
    try:
        return globals()[arguments.command](arguments)
    except DiarizeRunnerError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.exit_code


sys.exit(main())
