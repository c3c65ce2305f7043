"""The virtual environment of the word error rates, `.bench/word-errors`; whisperX has that of `benchmarks.peers`."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import ROOT, PeerEnvironment

WORD_ERRORS_ENVIRONMENT = PeerEnvironment(
    folder=ROOT / ".bench/word-errors",
    packages=("meeteval==0.4.3", "jiwer==4.0.0", "whisper-normalizer==0.1.15"),
)
"""meeteval has no wheel: it is compiled, which needs g++ and takes minutes."""
_OFFLINE = {"HF_HUB_OFFLINE": "1", "PYANNOTE_METRICS_ENABLED": "0"}


def ask(environment: PeerEnvironment, script: str, question: Mapping[str, object]) -> Any:
    """Run a script of this folder in an environment: a JSON document on stdin, another one on stdout."""
    command = [environment.python(), "-I", Path(__file__).with_name(script)]
    done = subprocess.run(  # noqa: S603
        command, input=json.dumps(question), stdout=subprocess.PIPE, text=True, check=False, env=os.environ | _OFFLINE
    )
    if done.returncode:
        raise SystemExit(f"error: {script} ended with exit code {done.returncode}: see its output above")
    return json.loads(done.stdout)
