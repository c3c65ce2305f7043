"""The role service: its units, its user, its keys and its folder.

stub_service.py runs the real server, whose model process, stub_model.py, has no models.
"""

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.hosts import fresh_host, require_hosts, run_play
from support.hosts.trees import changes
from support.services import wav
from support.voices import MODEL, voice_of
from support.web import files, serving

from diarize_runner.voices.document import Voices

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).resolve().parents[2]
SITE = next(Path(each) for each in sys.path if each.endswith("site-packages"))
HOME = "/opt/diarize-runner"
COMMAND = f"{HOME}/current/bin/diarize-runner"
FOLDER = "/var/lib/diarize-runner/service"
KEYS = "/etc/diarize-runner/service-keys.json"
VOICES = "/srv/voices.json"
UNIT = "diarize-runner-serve"
USER = "diarize-runner-service"
PACKAGES = (
    *("annotated_doc", "annotated_types", "anyio", "av", "av.libs", "click", "deprecated", "fastapi", "h11", "idna"),
    *("limits", "numpy", "numpy.libs", "packaging", "prometheus_client", "pydantic", "pydantic_core", "rich"),
    *("python_multipart", "sniffio", "sqlalchemy", "starlette", "typing_extensions.py", "typing_inspection"),
    *("opentelemetry", "opentelemetry_api-*.dist-info", "uvicorn", "wrapt", "yaml"),
)
"""What the server imports; they work with the tests' Python, which must be that of Debian 12."""
ACCOUNTS = ("/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow", "/etc/subgid", "/etc/subuid")
CONNECT = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 2)'"


def apply(host, *arguments, **variables):
    served = {"service_address": "0.0.0.0", "service_networks": [f"{host.store_address[0]}/32"]}
    return host.apply("service", *arguments, **{"service_keys_file": KEYS, **served, **variables})


def put_release(host, name):
    """Write a release, and make it the current one."""
    release = host.root / f"{HOME[1:]}/releases/{name}"
    (release / "packages/support").mkdir(parents=True)
    copied = [path for pattern in PACKAGES for path in SITE.glob(pattern)]
    copied += [ROOT / "diarize_runner", ROOT / "tests/hosts/stub_model.py"]
    subprocess.run(["cp", "--recursive", *copied, release / "packages"], check=True)
    subprocess.run(["cp", ROOT / "tests/support/fake_models.py", release / "packages/support"], check=True)
    folder = f"{HOME}/releases/{name}"
    sample = f"{folder}/lib/python3.11/site-packages/pyannote/audio/sample/sample.wav"
    host.put(sample, wav())
    put_command(host, name, (ROOT / "tests/hosts/stub_service.py").read_bytes())


def put_command(host, name, script):
    """Write the command of a release, and make that the current one."""
    host.put(f"{HOME}/releases/{name}/bin/diarize-runner", script, mode="0755")
    use_release(host, name)


def use_release(host, name):
    host.succeed(f"ln -sfn releases/{name} {HOME}/current")


@contextmanager
def client(host, token=""):
    """Yield a client on this machine, with a key."""
    headers = {"X-API-Key": token} if token else {}
    with httpx.Client(base_url=f"http://{host.address}:8000", headers=headers, trust_env=False, timeout=60) as http:
        yield http


def add_key(host, name):
    return host.succeed(f"{COMMAND} service-key add {name} --keys {KEYS}").strip()


def submit(http, name, **form):
    answer = http.post("/v1/jobs", files={"file": (name, wav())}, data=form)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(http, job_id, seconds=60):
    """Return a job when it has ended."""
    deadline = time.monotonic() + seconds
    while (job := http.get(f"/v1/jobs/{job_id}").json())["state"] in {"queued", "running"}:
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
    return job


def output_of(host, http, name, script):
    """Return what a script prints in the model process."""
    host.put(f"/srv/{name}.sh", script.encode())
    return ended(http, submit(http, f"{name}.wav"))["failure"]["detail"]


@pytest.fixture(scope="module")
def service():
    """A host that serves this machine, its files before, and its keys after; check mode changed nothing before."""
    require_hosts()
    with fresh_host() as host:
        put_release(host, "first")
        before = host.files()
        assert apply(host, "--check").succeeded().changed > 0
        assert changes(before, host.files()) == []
        apply(host).succeeded()
        yield host, before, host.succeed(f"cat {KEYS}")


@pytest.fixture(scope="module")
def host_and_client(service):
    """The host, and a client with a key."""
    host, *_ = service
    with client(host, add_key(host, "test")) as http:
        yield host, http


def test_the_play_has_the_sample_diarized_with_a_key_that_does_not_stay(service):
    host, _, keys = service

    assert json.loads(keys) == {"keys": []}
    assert host.succeed(f"stat --format='%U %G %a' {KEYS}") == f"root {USER} 640\n"
    log = host.succeed(f"journalctl --unit {UNIT} --output cat")
    assert "a socket of systemd" in log
    assert "/v1/jobs" in log
    assert "dr_" not in log


def test_a_second_run_changes_nothing_and_restarts_nothing(service):
    host, *_ = service
    started = host.succeed(f"systemctl show --property=MainPID {UNIT}")

    assert apply(host).succeeded().changed == 0
    assert host.succeed(f"systemctl show --property=MainPID {UNIT}") == started


def test_the_units_have_no_unknown_setting_and_a_low_exposure(service):
    host, *_ = service
    units = " ".join(f"/etc/systemd/system/{UNIT}.{kind}" for kind in ("socket", "service"))

    assert host.succeed(f"systemd-analyze verify {units} 2>&1") == ""
    exposure = host.run(f"systemd-analyze security --threshold=15 --no-pager {UNIT}.service")
    assert exposure.returncode == 0, exposure.stdout
    shown = host.succeed(f"systemctl show --property=OOMPolicy,KillMode,TasksMax {UNIT}").split()
    assert sorted(shown) == ["KillMode=mixed", "OOMPolicy=continue", "TasksMax=1024"]


def test_the_socket_takes_connections_of_this_machine_and_of_the_networks_only(service):
    """Not every test host enforces that: it needs version 2 of cgroups."""
    host, *_ = service
    denied, allowed = (
        sorted(host.succeed(f"systemctl show --value --property=IPAddress{what} {UNIT}.socket").split())
        for what in ("Deny", "Allow")
    )
    assert denied == ["0.0.0.0/0", "::/0"]
    assert allowed == ["127.0.0.0/8", f"{host.store_address[0]}/32", "::1/128"]


def test_a_key_is_valid_at_once_and_a_revoked_one_no_more(service):
    host, *_ = service
    with client(host) as stranger:
        assert stranger.get("/v1/jobs").status_code == 401
    token = add_key(host, "alice")
    with client(host, token) as alice:
        assert alice.get("/v1/jobs").status_code == 200
        host.succeed(f"{COMMAND} service-key revoke alice --keys {KEYS}")
        assert alice.get("/v1/jobs").status_code == 401


def test_a_job_has_no_network_and_no_packet_leaves(host_and_client, tmp_path):
    host, http = host_and_client
    connect = CONNECT.format(*host.store_address)
    with serving(files(tmp_path), address=host.store_address):
        assert host.run(f"runuser -u {USER} -- {connect}").returncode == 0, "the negative control"
        assert "Address family not supported" in output_of(host, http, "socket", connect)
    interfaces = "cut -d: -f1 -s /proc/net/dev"
    assert "eth0" in host.succeed(interfaces), "the negative control"
    assert output_of(host, http, "interfaces", interfaces).split() == ["lo"]
    assert ended(http, submit(http, "call.wav"))["state"] == "succeeded"
    assert host.packets.leak == 0


@pytest.mark.parametrize(
    ("name", "attempt", "refusal"),
    [
        ("keys", f"echo '{{}}' > {KEYS}", "Read-only file system"),
        ("toolkit", f"echo worse > {COMMAND}", "Read-only file system"),
        ("homes", "ls /home", "Permission denied"),
        ("namespace", "unshare --user true", "Operation not permitted"),
    ],
)
def test_the_sandbox_refuses_a_job(host_and_client, name, attempt, refusal):
    host, http = host_and_client
    assert refusal in output_of(host, http, name, attempt)


def test_voices_are_the_service_s_alone_and_root_changes_them_without_a_restart(service):
    host, *_ = service
    content = Voices(model=MODEL, voices=(voice_of("ada", "Ada"),)).to_bytes()
    host.put(VOICES, content, mode="0644")
    apply(host, service_voices_file=VOICES, service_voice_threshold="0.7").succeeded()
    owner_and_mode = f"{USER} {USER} 600\n"
    assert host.succeed(f"stat --format='%U %G %a' {VOICES}") == owner_and_mode
    with client(host, add_key(host, "voices")) as http:
        assert http.get("/v1/capabilities").json() == {"known_speakers": True}
        assert "Read-only file system" in output_of(host, http, "voices", f"echo > {VOICES}")
    host.succeed(f"{COMMAND} voices delete Ada --voices {VOICES}")
    assert host.succeed(f"stat --format='%U %G %a' {VOICES}") == owner_and_mode
    apply(host).succeeded()
    host.succeed(f"rm {VOICES}")


def test_a_job_can_take_the_lock_of_the_gpu_that_other_users_see(host_and_client):
    host, http = host_and_client
    assert output_of(host, http, "lock", "touch /run/lock/gpu-of-this-test && echo taken") == "taken"
    assert host.succeed("stat --format=%U /run/lock/gpu-of-this-test") == f"{USER}\n"


def test_no_connection_is_refused_during_a_restart_and_the_running_job_is_finished(host_and_client):
    host, http = host_and_client
    job_id = submit(http, "slow.wav")
    while http.get(f"/v1/jobs/{job_id}").json()["state"] == "queued":
        time.sleep(0.05)
    before = host.succeed(f"systemctl show --property=MainPID {UNIT}")
    with polling(host) as answers:
        host.succeed(f"systemctl restart {UNIT}")
    assert host.succeed(f"systemctl show --property=MainPID {UNIT}") != before
    assert len(answers) > 1
    assert set(answers) == {200}
    assert ended(http, job_id)["state"] == "succeeded"


@contextmanager
def polling(host):
    """Ask for readiness all the time, each time with a new connection; yield the answers."""
    answers, stop = [], threading.Event()

    def poll():
        while not stop.is_set():
            try:
                answers.append(httpx.get(f"http://{host.address}:8000/readyz", trust_env=False, timeout=60).status_code)
            except httpx.TransportError as error:
                answers.append(repr(error))

    thread = threading.Thread(target=poll)
    thread.start()
    while not answers:
        time.sleep(0.01)
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def test_a_release_that_is_not_ready_fails_the_play_with_its_log_and_the_next_one_is_started(service):
    host, *_ = service
    put_command(host, "broken", b"#!/bin/sh\necho 'error: no such model' >&2\nexit 3\n")
    failed = apply(host).failure
    assert "error: the service is not ready" in failed
    assert "error: no such model" in failed

    use_release(host, "first")
    assert apply(host).succeeded().changed > 0
    with client(host) as http:
        assert http.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"service_keys_file": ""}, "other machines reach 0.0.0.0, and service_keys_file or service_networks is empty"),
        ({"service_networks": []}, "other machines reach 0.0.0.0, and service_keys_file or service_networks is empty"),
        ({"service_networks": ["any"]}, "one of them is 'any'"),
        ({"service_address": "box"}, "service_address must be an IP address (it is 'box')"),
        ({"service_folder": "/srv/my calls"}, "must be absolute paths without spaces, quotes, % or $"),
        ({"service_memory_max": "120%"}, "such as 80% or 12G (it is '120%')"),
        ({"service_database_url_file": "/etc/none"}, "/etc/none does not exist on the box"),
        ({"service_voices_file": "/etc/none"}, "/etc/none does not exist on the box"),
        ({"service_voice_threshold": "60%"}, "above 0, at most 1, or empty (it is '60%')"),
        ({"service_webhooks_file": "/etc/hosts"}, "the service can connect to no network"),
    ],
)
def test_what_cannot_be_served_is_refused(service, variables, problem):
    host, *_ = service
    assert problem in apply(host, **variables).failure


def test_playbooks_restart_the_service_with_each_release_and_new_models_then_remove_it(host, shelf):
    enabled, before = {"diarize_runner_service_enabled": "true", **shelf.variables}, host.files()
    shelf.publish("1.0", "echo models 1.0", release="first")
    shelf.stock(host)
    run_play([host], "provision.yml", **enabled).succeeded()
    assert heard(host) == "first: models 1.0"
    make_previous_release(host, "other")
    run_play([host], "switch_back.yml", **enabled).succeeded()
    assert heard(host) == "other: models 1.0"
    shelf.publish("2.0", "echo models 2.0", release="first")
    shelf.stock(host)
    run_play([host], "refresh_cache.yml", **enabled).succeeded()
    assert heard(host) == "other: models 2.0"
    assert "1 speaker turns" in run_play([host], "verify.yml", "-v", **enabled).succeeded().output
    run_play([host], "reset.yml", **enabled).succeeded()
    left = [path for path in changes(before, host.files()) if path.rstrip("-") not in ACCOUNTS]
    assert [path for path in left if not path.startswith(str(shelf.folder))] == []
    assert host.packets.leak == 0


def make_previous_release(host, name):
    """Copy the current release, and make the copy the previous one."""
    folder = f"{HOME}/releases/{name}"
    host.succeed(f"cp --archive $(realpath {HOME}/current) {folder} && ln -s releases/{name} {HOME}/previous")
    host.succeed(f"printf {name} > $(echo {folder}/lib/python3*/site-packages/release)")
    host.succeed(f"sed -i '1s#/releases/[^/]*/#/releases/{name}/#' {folder}/bin/diarize-runner")


def heard(host):
    """Return which release and which models the stand-in service has."""
    return host.succeed("curl --silent --fail http://127.0.0.1:8000/heard")


def test_reset_leaves_nothing(service):
    """The last test: it removes what the others use."""
    host, before, _ = service
    host.succeed("rm -f /srv/*.sh /run/lock/gpu-of-this-test && rm -rf /opt/diarize-runner/releases/broken")
    assert apply(host, applied_tasks="reset", service_keep_jobs="true").succeeded().changed > 0
    host.succeed(f"test -e {FOLDER}/queue.db && test -e {KEYS} && ! test -e /etc/systemd/system/{UNIT}.service")
    host.succeed(f"touch {VOICES} && chown {USER}: {VOICES}")
    assert apply(host, applied_tasks="reset", service_voices_file=VOICES).succeeded().changed > 0
    assert host.succeed(f"stat --format='%U %G %a' {VOICES} && rm {VOICES}") == "root root 600\n"
    left = [path for path in changes(before, host.files()) if "__pycache__" not in path]
    assert [path for path in left if path.rstrip("-") not in ACCOUNTS] == []
    assert host.run(f"getent passwd {USER}").returncode != 0
    assert apply(host, applied_tasks="reset").succeeded().changed == 0
    assert host.packets.leak == 0
