"""Ways to set up a fresh host: one run of each, from its first command to its first labelled transcript."""

import json
import time
from dataclasses import dataclass

from benchmarks.provision.clock import timed
from benchmarks.provision.hosts import Host, install_venv, prepared
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
# A host's /tmp is in memory, which no cloud's is, and pip keeps every wheel there at once.
_BY_HAND = """\
set -e
export HF_HUB_OFFLINE=1 PYANNOTE_METRICS_ENABLED=0 TMPDIR=/var/tmp
echo "== environment"
python3 -m venv venv
echo "== packages"
venv/bin/pip install --quiet --no-index --trusted-host {host} --find-links {store}/v{version}/wheels.html \\
    -r requirements.txt
echo "== cache"
curl -fsSL -o /var/tmp/huggingface-cache.tar.gz {store}/v{version}/huggingface-cache.tar.gz
mkdir -p .cache
tar -xzf /var/tmp/huggingface-cache.tar.gz -C .cache
echo "== labelled"
venv/bin/python on_host/label.py sample.wav transcript.json labelled.json
"""
_SPEAKERS = 2
"""Of the recording, whose transcript has to name as many."""
_OF_BOOTSTRAP = {"making its environment": "toolkit", "provisioning": "preflight", "labelled": "labelled"}
_OF_ROLES = {"toolkit": "toolkit", "model_cache": "cache", "python_env": "environment", "sample_check": "sample check"}


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """One run on one host."""

    seconds: float
    phases: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A host set up from its store, and what it took to find that nothing is to be done."""

    first: SetUp
    again: SetUp
    """By the same line of curl."""
    again_over_ssh: float
    """Seconds, by the playbook, from this machine."""


def ours(site: Site) -> Ours:
    """Set up a fresh host from its store, then look twice whether anything is to be done."""
    with prepared(site) as (host, store):
        first = _set_up(host, _PROVISION.format(store=store) + _LABEL)
        _require_labels(host)
        again = _set_up(host, _PROVISION.format(store=store))
        return Ours(first=first, again=again, again_over_ssh=_again_over_ssh(site, host, store))


def by_hand(site: Site) -> SetUp:
    """Set up a fresh host as people do by hand."""
    with prepared(site) as (host, store):
        install_venv(host)
        host.put("/root/requirements.txt", pins(site).encode())
        done = timed(host, _BY_HAND.format(store=store, host=host.store_address[0], version=VERSION))
        _require_labels(host)
        return SetUp(seconds=done.seconds, phases=done.phases(str))


def phase_of(mark: str) -> str:
    """Return the phase of a mark: of bootstrap.sh, or of a task with the roles it came by."""
    if not mark.startswith("task "):
        return _OF_BOOTSTRAP.get(mark, "bootstrap")
    roles, _, name = mark.removeprefix("task ").partition(": ")
    if name.startswith("preflight"):
        return "preflight"
    return "wheels" if name == "install | Fetch its wheels" else _OF_ROLES.get(roles.split("/")[0], "the rest")


def _set_up(host: Host, command: str) -> SetUp:
    done = timed(host, command)
    return SetUp(seconds=done.seconds, phases=done.phases(phase_of))


def _again_over_ssh(site: Site, host: Host, store: str) -> float:
    told = {"diarize_runner_store": store, "diarize_runner_device": "cpu"}
    told["toolkit_controller_folder"] = str(site.work / "toolkit")
    host.play("playbooks/provision.yml", **told).succeeded()  # what bootstrap.sh brought comes by another way here
    began = time.perf_counter()
    play = host.play("playbooks/provision.yml", **told).succeeded()
    seconds = time.perf_counter() - began
    if play.changed:
        raise SystemExit(f"error: a second run changed something:\n{play.output}")
    return seconds


def _require_labels(host: Host) -> None:
    labelled = json.loads(host.succeed("cat /root/labelled.json"))
    speakers = {segment["speaker"] for segment in labelled["segments"]}
    if len(speakers) != _SPEAKERS or None in speakers:
        raise SystemExit(f"error: the transcript names {speakers}")
