"""docs/hosts.md lists the hosts that commands really contact; every host name resolves to a stand-in."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from support.bootstrap import write_store
from support.caches import NEW, OLD
from support.command import ROOT
from support.hosts.requirements import require_hosts
from support.hub_host import BuildHost
from support.internet import BRIDGE, BUCKET, STORE, Command, trace_network
from support.wheel_host import TOOL, WheelHost
from support.wheels import WheelSite, pinned, write_wheel

pytestmark = pytest.mark.hosts

PAGE = (ROOT / "docs/hosts.md").read_text()
BIN = Path(sys.executable).parent
RUN = (sys.executable, "-m", "diarize_runner")
REGION = {"AWS_DEFAULT_REGION": "eu-central-1"}
SIGNED_IN = {**REGION, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
S3_URL, WEB_URL = f"s3://{BUCKET}/models", f"https://{STORE}"
NOTHING = ("cache verify", "cache switch", "cache prune --into", "label", "verify.yml")
SAMPLE = ROOT / "tests/vectors/pyannote-sample"


def command(*words, exit_code=0, redirected_to=None, **environment):
    options = {"redirected_to": redirected_to} if redirected_to else {}
    return Command(words=[*map(str, words)], environment=environment, exit_code=exit_code, **options)


def on_a_build_host(folder, wheels):
    """Return the commands of a build host, with a request for a Hub repository and a file from a wheel."""
    host = BuildHost(folder=folder / "host")
    host.ask_for()
    document = yaml.safe_load(host.request.read_text())
    files = {"notes.txt": {"wheel": "tool==3.0", "member": "tool-3.0.dist-info/METADATA"}}
    document["repos"].append({"repo_id": "acme/tool", "revision": "main", "licence": "MIT", "files": files})
    host.request.write_text(yaml.safe_dump(document))
    pins = ("--requirements", wheels.requirements, "--installer", wheels.installer)
    options = ("--version", "1.0", "--with-wheels", "--python", "3.11", *pins, "--out", host.out)
    resolve, build = (*RUN, "cache", "resolve", host.request), (*RUN, "cache", "build", host.request, *options)
    return {
        "cache resolve": command(*resolve, HF_HOME=str(folder / "hub-1"), redirected_to=BRIDGE),
        "cache build": command(*build, HF_HOME=str(folder / "hub-2")),
        "cache publish": command(*RUN, "cache", "publish", host.out, "--store", S3_URL, **SIGNED_IN),
        "cache list": command(*RUN, "cache", "list", "--store", S3_URL, **SIGNED_IN),
        "make setup": command("bash", set_up(folder / "clone", wheels), exit_code=1, PYTHON=sys.executable),
    }


def set_up(clone, wheels):
    """Write a clone whose locks pin wheels of the index; return its setup.sh, which ends at the clone's package."""
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    (clone / "scripts").mkdir(parents=True)
    (clone / "requirements" / python).mkdir(parents=True)
    program = f"import os, sys\ndef main(): os.execv({str(BIN / 'uv')!r}, ['uv', *sys.argv[1:]])\n"
    entry = b"[console_scripts]\nuv = uv:main\n"
    members = {"uv.py": program.encode(), "uv-1.0.dist-info/entry_points.txt": entry}
    uv_wheel = write_wheel(wheels.index, "uv", "1.0", members)
    (clone / "requirements/requirements-installer.txt").write_text(pinned(uv_wheel))
    (clone / "requirements" / python / "control.txt").write_text(pinned(wheels.index / TOOL))
    return shutil.copy(ROOT / "scripts/setup.sh", clone / "scripts")


def on_a_box(folder, wheels):
    """Return the commands of a box."""
    box, restore = folder / "box", (*RUN, "cache", "restore", "--into")
    fetch = (*RUN, "cache", "wheels", "--python", "3.11", "--into", folder / "wheels", "--store", WEB_URL)
    images = (*RUN, "cache", "environment", "--python", "3.11", "--into", folder / "images", "--store", WEB_URL)
    label = (*RUN, "label", SAMPLE / "sample.rttm", SAMPLE / "sample.stm", "-o", folder / "labelled.srt")
    (folder / "lock.txt").write_text(pinned(*wheels.index.glob("speech-*.whl")))
    make = (sys.executable, ROOT / "roles/python_env/files/make_environment.py", "--under", folder / "made")
    wanted = ("--lock", folder / "lock.txt", "--package", wheels.index / TOOL, "--uv", BIN / "uv")
    again = (*restore, folder / "again", "--store", S3_URL)
    line = ("bash", ROOT / "scripts/bootstrap.sh", "--store", f"{WEB_URL}/line", "--prefix", folder / "line")
    return {
        "an older version": command(*restore, box, "--store", WEB_URL, "--version", "0.9"),
        "cache restore": command(*restore, box, "--store", WEB_URL),
        "cache restore from s3://": command(*again, **SIGNED_IN),
        "cache restore from s3://, no credentials": command(*again, exit_code=1, **REGION),
        "without the metadata service": command(*again, exit_code=1, AWS_EC2_METADATA_DISABLED="true", **REGION),
        "cache wheels": command(*fetch),
        "cache environment": command(*images, exit_code=1),
        "bootstrap.sh": command(*line),
        "provision.yml, packages from an index": command(*make, *wanted),
        "cache verify": command(*RUN, "cache", "verify", box),
        "cache switch": command(*RUN, "cache", "switch", "--into", box),
        "cache prune --into": command(*RUN, "cache", "prune", "--into", box),
        "label": command(*label),
        "verify.yml": command(*checked(folder), exit_code=2),
    }


def checked(folder):
    """Return a play that checks an unprovisioned box and reports it."""
    play = ("-i", ROOT / "inventory/localhost.yml", ROOT / "playbooks/verify.yml")
    return BIN / "ansible-playbook", *play, "-e", f"diarize_runner_prefix={folder}/play"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Requests of each command, all run once."""
    require_hosts()
    folder = tmp_path_factory.mktemp("internet")
    wheels = WheelHost(folder=folder)
    wheels.prepare()
    site = WheelSite(folder=folder / "site")
    site.publish("0.9", NEW)
    site.publish("1.0", OLD)
    shutil.copytree(site.store.root, folder / "store")
    write_store(folder / "store/line")
    return trace_network({**on_a_build_host(folder, wheels), **on_a_box(folder, wheels)}, folder)


def table(heading):
    """Return the rows, without the header, of the table under a heading of the page."""
    text = PAGE.partition(f"## {heading}\n")[2] if heading else PAGE
    rows = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)[1].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def rows():
    return [(row[0].replace("`", ""), row[1].strip("`")) for row in table("")]


def quiet():
    return {row[0].replace("`", "") for row in table("No network access")}


def matches(host, name):
    """Whether a row's host pattern, with capitals and stars as wildcards, matches a name."""
    if host == "STORE":
        return name == STORE
    pattern = re.sub("[A-Z]{2,}", "[a-z0-9-]+", re.escape(host).replace(r"\*", "[a-z0-9.-]+"))
    return re.fullmatch(pattern, name) is not None


def of(recorded, name):
    return recorded[name].names | recorded[name].addresses


@pytest.mark.parametrize("name", [*dict.fromkeys(name for name, _ in rows())])
def test_a_command_contacts_only_its_hosts_on_the_page(name, recorded):
    hosts, found = [host for command, host in rows() if command == name], of(recorded, name)

    assert found
    assert [each for each in found if not any(matches(host, each) for host in hosts)] == []
    assert [host for host in hosts if not any(matches(host, each) for each in found)] == []


def test_the_page_lists_exactly_the_tested_commands(recorded):
    known = {name for name, _ in rows()} | quiet()

    assert {*recorded} - known == {"an older version", "without the metadata service"}
    assert known <= {*recorded}


@pytest.mark.parametrize("name", NOTHING)
def test_offline_commands_on_the_page_contact_no_host(name, recorded):
    assert name in quiet()
    assert of(recorded, name) == set()


def test_the_documented_setting_disables_the_metadata_service(recorded):
    assert of(recorded, "without the metadata service") == set()
    assert "no credentials were found" in recorded["without the metadata service"].output
    assert "AWS_EC2_METADATA_DISABLED=true" in PAGE


def test_lookups_and_connections_of_any_program_are_recorded(tmp_path):
    require_hosts()
    look_up, connect = (
        "socket.getaddrinfo('telemetry.example.com', 443)",
        "socket.socket().connect_ex(('192.0.2.7', 9))",
    )
    for folder in ("index", "store"):
        (tmp_path / folder).mkdir()
    spy = command(sys.executable, "-c", f"import socket; {look_up}; {connect}")

    found = trace_network({"a spy": spy, "curl": command("curl", "-s", "http://a.test:1", exit_code=7)}, tmp_path)

    assert (found["a spy"].names, found["a spy"].addresses) == ({"telemetry.example.com"}, {"192.0.2.7"})
    assert found["curl"].names == {"a.test"}


def test_setup_reaches_the_clone_s_own_package(recorded):
    assert " + tool==3.0" in recorded["make setup"].output, "uv installed from the index"
