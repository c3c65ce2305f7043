"""Three methods to set up a fresh host, timed from the first command to the first labelled transcript."""

import json
import time
from dataclasses import dataclass

from benchmarks.provision.clock import run_timed
from benchmarks.provision.hosts import Host, install_venv, prepare_host
from benchmarks.provision.limits import Limits
from benchmarks.provision.site import VERSION, Site, pins

_PROVISION = """\
set -e -o pipefail
export ANSIBLE_CALLBACKS_ENABLED=phases ANSIBLE_CALLBACK_PLUGINS=/root/on_host/callbacks
curl -fsSL {store}/latest/bootstrap.sh | bash -s -- --store {store} --device cpu
"""
_LABEL = """\
echo "== labelled"
/opt/diarize-runner/current/bin/diarize-runner diarize sample.wav --transcript transcript.json --output labelled.json \\
    --device cpu
"""
# TMPDIR: a test host's /tmp is in memory, unlike a cloud's, and pip keeps all wheels there at once.
_BY_HAND = """\
set -e
export HF_HUB_OFFLINE=1 PYANNOTE_METRICS_ENABLED=0 TMPDIR=/var/tmp
pip="venv/bin/pip install --quiet --no-index --trusted-host {host} --find-links {store}/v{version}/wheels.html"
echo "== environment"
python3 -m venv venv
echo "== packages"
{install}
echo "== cache"
curl -fsSL -o /var/tmp/huggingface-cache.tar.gz {store}/v{version}/huggingface-cache.tar.gz
mkdir -p .cache
tar -xzf /var/tmp/huggingface-cache.tar.gz -C .cache
echo "== labelled"
venv/bin/python on_host/label.py sample.wav transcript.json labelled.json
"""
_INSTALL = {
    "pip": "$pip -r requirements.txt",
    "uv": "$pip uv\n"
    "venv/bin/uv pip install --quiet --python venv/bin/python --no-index --find-links {store}/v{version}/wheels.html "
    "-r requirements.txt",
}
_SPEAKERS = 2
"""In the recording, and so in its labelled transcript."""
_BOOTSTRAP_PHASES = {"creating its environment": "toolkit", "provisioning": "preflight", "labelled": "labelled"}
_ROLE_PHASES = {
    "toolkit": "toolkit",
    "model_cache": "cache",
    "python_env": "environment",
    "sample_check": "sample check",
}


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """The times of one run on one host."""

    seconds: float
    phases: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The times of a set-up from a store, and of second runs with nothing to do."""

    first: SetUp
    again: SetUp
    """With the same curl command."""
    again_over_ssh: float
    """Seconds of the playbook, run from this machine."""


def set_up(site: Site, limits: Limits) -> Ours:
    """Set up a fresh host from its store, then run again twice with nothing to do."""
    with prepare_host(site, limits) as (host, store):
        first = _run_phases(host, _PROVISION.format(store=store) + _LABEL)
        _require_labels(host)
        again = _run_phases(host, _PROVISION.format(store=store))
        return Ours(first=first, again=again, again_over_ssh=_again_over_ssh(site, host, store))


def set_up_by_hand(site: Site, installer: str, limits: Limits) -> SetUp:
    """Set up a fresh host manually, with `pip` or `uv`."""
    with prepare_host(site, limits) as (host, store):
        install_venv(host)
        host.put("/root/requirements.txt", pins(site).encode())
        place = {"store": store, "version": VERSION}
        install = _INSTALL[installer].format(**place)
        timed = run_timed(host, _BY_HAND.format(host=host.store_address[0], install=install, **place))
        _require_labels(host)
        return SetUp(seconds=timed.seconds, phases=timed.phases(str))


def phase_of(mark: str) -> str:
    """Return the phase of a mark, which names a step of bootstrap.sh, or a task with its roles."""
    if not mark.startswith("task "):
        return _BOOTSTRAP_PHASES.get(mark, "bootstrap")
    roles, _, name = mark.removeprefix("task ").partition(": ")
    if name.startswith("preflight"):
        return "preflight"
    return "wheels" if name.startswith("install | Fetch wheels") else _ROLE_PHASES.get(roles.split("/")[0], "the rest")


def _run_phases(host: Host, command: str) -> SetUp:
    timed = run_timed(host, command)
    return SetUp(seconds=timed.seconds, phases=timed.phases(phase_of))


def _again_over_ssh(site: Site, host: Host, store: str) -> float:
    variables = {"diarize_runner_store": store, "diarize_runner_device": "cpu"}
    variables["toolkit_controller_folder"] = str(site.work / "toolkit")
    host.play("playbooks/provision.yml", **variables).succeeded()  # installs what bootstrap.sh installs differently
    start = time.perf_counter()
    play = host.play("playbooks/provision.yml", **variables).succeeded()
    seconds = time.perf_counter() - start
    if play.changed:
        raise SystemExit(f"error: a second run changed something:\n{play.output}")
    return seconds


def _require_labels(host: Host) -> None:
    labelled = json.loads(host.succeed("cat /root/labelled.json"))
    speakers = {segment["speaker"] for segment in labelled["segments"]}
    if len(speakers) != _SPEAKERS or None in speakers:
        raise SystemExit(f"error: the transcript has the speakers {speakers}, expected {_SPEAKERS}")
