"""Complete runs and removals with bootstrap.sh: proxies, kills, keys and users. The toolkit is a stand-in."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.bootstrap import SCRIPT, WHEEL, command, environment, sign, write_store
from support.caches import tree
from support.web import Answer, files, files_whole, serving, silent

BIG = bytes(range(256)) * 400
"""A wheel large enough to be interrupted."""
NOBODY = 65534


@pytest.fixture
def box(tmp_path):
    """The prefix of the installation."""
    return tmp_path / "box"


@pytest.fixture
def home(box):
    return box / "opt/diarize-runner"


@pytest.fixture
def served(tmp_path):
    """A store behind a web server."""
    with serving(files(write_store(tmp_path / "store", wheel=BIG))) as server:
        yield server


@pytest.fixture
def bootstrap(tmp_path, box):
    """Run the script with the box's prefix."""

    def run(store, *arguments, shell="bash", **more):
        line = command("--store", store, "--prefix", box, *arguments, shell=shell)
        variables = environment(tmp_path, **more)
        return subprocess.run(line, input=SCRIPT, env=variables, cwd=tmp_path, capture_output=True, check=False)

    return run


def playbook_input(home):
    return json.loads((home / "variables.json").read_text())


def partial_wheel(home):
    """Return the path of the partial wheel of a killed run."""
    return home / "inputs/1.0" / f"{WHEEL}.part"


def requested(server):
    """Return the names of the requested files, with repetitions."""
    return [request.path.rpartition("/")[2] for request in server.requests]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_machine_is_provisioned_from_each_shell_and_fully_restored(shell, bootstrap, served, home, box, tmp_path):
    before = tree(tmp_path)

    ran = bootstrap(served.url, "--device", "cpu", shell=shell)

    assert ran.returncode == 0, ran.stderr
    assert playbook_input(home) == {
        "diarize_runner_store": served.url,
        "diarize_runner_version": "latest",
        "diarize_runner_prefix": str(box),
        "diarize_runner_device": "cpu",
        "diarize_runner_public_key": "",
        "diarize_runner_packages": "store",
        "diarize_runner_become": False,
        "diarize_runner_transcription_enabled": False,
        "diarize_runner_wheel": f"{home}/inputs/1.0/{WHEEL}",
        "toolkit_in_place": f"{home}/inputs/1.0",
    }
    assert (home / "from").read_text() == f"{home}/inputs/1.0/toolkit/playbooks\n"
    ran = bootstrap(served.url, "--uninstall", shell=shell)
    assert ran.returncode == 0, ran.stderr
    assert tree(tmp_path) == before


def test_transcription_is_enabled_for_the_playbook(bootstrap, served, home):
    ran = bootstrap(served.url, "--transcribe")

    assert ran.returncode == 0, ran.stderr
    assert playbook_input(home)["diarize_runner_transcription_enabled"] is True


def test_existing_files_are_not_removed(bootstrap, served, box, tmp_path):
    (box / "opt").mkdir(parents=True)
    (box / "opt/mine").write_text("mine")
    before = tree(tmp_path)

    bootstrap(served.url)
    bootstrap(served.url, "--uninstall")

    assert tree(tmp_path) == before


def test_the_playbook_and_its_children_get_no_hub_token(bootstrap, served, home):
    ran = bootstrap(served.url, HF_TOKEN="canary", HUGGING_FACE_HUB_TOKEN="canary", CONTROL="kept")

    assert ran.returncode == 0, ran.stderr
    assert "canary" not in (home / "environment").read_text()
    assert "CONTROL=kept" in (home / "environment").read_text()


def test_the_password_of_a_store_comes_from_netrc_and_is_never_printed(bootstrap, served, box, tmp_path):
    known, origin = base64.b64encode(b"me:hunter2").decode(), served.origin

    def guard(request):
        return origin(request) if request.headers.get("Authorization") == f"Basic {known}" else Answer(status=401)

    served.origin = guard
    refused = bootstrap(served.url)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)

    ran = bootstrap(served.url)

    assert (refused.returncode, ran.returncode) == (1, 0), ran.stderr
    assert b"hunter2" not in ran.stdout + ran.stderr
    assert [path for path in box.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()] == []
    assert (box / "opt/diarize-runner/variables.json").is_file(), "control: the folder was searched"


def test_uninstalling_nothing_succeeds(bootstrap, served, home):
    ran = bootstrap(served.url, "--uninstall")

    assert ran.returncode == 1
    assert ran.stderr.decode().startswith(
        f"error: {home}/receipt.json does not exist\nhint: nothing is installed under "
    )


def test_a_second_run_fetches_only_the_pointer_and_the_manifest(bootstrap, served):
    bootstrap(served.url)
    served.requests.clear()

    assert bootstrap(served.url).returncode == 0
    assert [request.path for request in served.requests] == ["/latest/manifest.json", "/v1.0/manifest.json"]


@pytest.fixture
def killed(tmp_path, box, served):
    """Kill a run and its children when a part of the wheel has arrived."""

    def killed(by=signal.SIGKILL):
        served.fails(silent(len(BIG) // 2, 60), when=lambda request: request.path.endswith(".whl"))
        line = command("--store", served.url, "--prefix", box)
        running = subprocess.Popen(
            line, stdin=subprocess.PIPE, env=environment(tmp_path), stderr=subprocess.DEVNULL, start_new_session=True
        )
        running.stdin.write(SCRIPT)
        running.stdin.close()
        wait_for(lambda: any(part.stat().st_size for part in box.rglob(f"{WHEEL}.part")))
        os.killpg(running.pid, by)
        running.wait(30)
        return running

    return killed


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def test_a_run_resumes_the_download_of_a_killed_one(killed, bootstrap, served, home):
    killed()
    partial_size = partial_wheel(home).stat().st_size
    before = requested(served)

    ran = bootstrap(served.url)

    assert ran.returncode == 0, ran.stderr
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG
    assert served.requests[-1].headers["Range"] == f"bytes={partial_size}-"
    again = requested(served)[len(before) :]
    assert [name for name in again if name in before] == ["manifest.json", "manifest.json", WHEEL]


def test_a_run_reuses_a_complete_download_of_a_killed_one(killed, bootstrap, served, home):
    killed()
    partial_wheel(home).write_bytes(BIG)
    served.requests.clear()

    assert bootstrap(served.url).returncode == 0
    assert WHEEL not in requested(served)
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_a_corrupt_partial_download_is_fetched_again(killed, bootstrap, served, home):
    killed()
    partial_wheel(home).write_bytes(b"x" * 5000)

    assert bootstrap(served.url).returncode == 0
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_without_range_requests_the_whole_file_is_fetched_again(killed, bootstrap, served, home, tmp_path):
    killed()

    with serving(files_whole(tmp_path / "store")) as simple:
        ran = bootstrap(simple.url)

    assert ran.returncode == 0, ran.stderr
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_a_killed_run_can_be_uninstalled(killed, bootstrap, served, box):
    killed()

    ran = bootstrap(served.url, "--uninstall")

    assert ran.returncode == 0, ran.stderr
    assert not box.exists()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_outside_its_prefix(by, killed, tmp_path):
    before = {path.name for path in tmp_path.iterdir()}

    assert killed(by).returncode != 0
    assert {path.name for path in tmp_path.iterdir()} == before | {"box"}


class TestProxies:
    """Proxy variables, which also reach the playbook."""

    @pytest.mark.parametrize(
        ("store", "variable", "line"),
        [
            ("http://models.invalid/m", "http_proxy", b"GET http://models.invalid/m/latest/manifest.json HTTP/1.1"),
            ("https://models.invalid/m", "HTTPS_PROXY", b"CONNECT models.invalid:443 HTTP/1.1"),
            ("https://models.invalid/m", "https_proxy", b"CONNECT models.invalid:443 HTTP/1.1"),
            ("https://models.invalid/m", "ALL_PROXY", b"CONNECT models.invalid:443 HTTP/1.1"),
        ],
    )
    def test_a_store_is_read_through_the_proxy(self, store, variable, line, bootstrap):
        with refusing_proxy() as (address, heard):
            ran = bootstrap(store, **{variable: address})

        assert ran.returncode == 1
        assert f"error: {store}/latest/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()
        assert heard == [line]

    def test_all_requests_use_the_proxy_and_the_playbook_gets_its_variable(self, bootstrap, served, home):
        ran = bootstrap("http://models.invalid", http_proxy=served.url)

        assert ran.returncode == 0, ran.stderr
        assert all(request.path.startswith("http://models.invalid/") for request in served.requests)
        assert f"http_proxy={served.url}\n" in (home / "environment").read_text()

    def test_no_proxy_excludes_hosts(self, bootstrap, served):
        ran = bootstrap(served.url, http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")

        assert ran.returncode == 0, ran.stderr


@contextmanager
def refusing_proxy():
    """Run a proxy that answers 403 to everything; yield its address and the request lines it received."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                heard.append(connection.recv(65536).partition(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heard
        answering.join(10)


class TestKeys:
    """`--public-key` accepts only a version signed with the key."""

    def test_the_playbook_gets_an_absolute_path_to_the_key(self, bootstrap, served, home, tmp_path):
        sign(tmp_path / "store", tmp_path)

        ran = bootstrap(served.url, "--public-key", "key.pub")

        assert ran.returncode == 0, ran.stderr
        assert playbook_input(home)["diarize_runner_public_key"] == f"{tmp_path}/key.pub"

    @pytest.mark.parametrize("wrong", ["another key", "no key", "no signature"])
    def test_a_wrong_key_installs_nothing(self, wrong, bootstrap, served, box, tmp_path):
        key = sign(tmp_path / "store", tmp_path)
        if wrong == "another key":
            (tmp_path / "theirs").mkdir()
            shutil.copytree(tmp_path / "store", tmp_path / "theirs/store")
            key = sign(tmp_path / "theirs/store", tmp_path / "theirs")
        elif wrong == "no key":
            key.write_text("no key")
        else:
            (tmp_path / "store/v1.0/manifest.json.sig").unlink()

        ran = bootstrap(served.url, "--public-key", key)

        assert ran.returncode == (1 if wrong == "no signature" else 3)
        assert b"\nhint: " in ran.stderr
        assert not box.exists()

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (["key.pem"], "holds a private key"),
            (["key.pub", "key.pem"], "holds a private key"),
            (["key.pub", "key.pub"], "holds more than one key"),
        ],
        ids=["a private key", "both halves", "two keys"],
    )
    def test_an_invalid_public_key_file_is_refused_before_any_request(
        self, files, message, bootstrap, served, box, tmp_path
    ):
        sign(tmp_path / "store", tmp_path)
        given = tmp_path / "given.pem"
        given.write_text("".join((tmp_path / name).read_text() for name in files))

        ran = bootstrap(served.url, "--public-key", given)

        assert ran.returncode == 2
        assert ran.stderr.decode().startswith(f"error: {given} {message}\nhint: ")
        assert served.requests == []
        assert not box.exists()


def test_a_requested_version_is_installed_instead_of_the_latest(bootstrap, served, home, tmp_path):
    write_store(tmp_path / "store", version="2.0", wheel=b"newer")

    assert bootstrap(served.url, "--version", "1.0").returncode == 0

    assert playbook_input(home)["diarize_runner_version"] == "1.0"
    assert playbook_input(home)["toolkit_in_place"] == f"{home}/inputs/1.0"
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG
    assert not any("latest" in request.path for request in served.requests)


def test_arguments_reach_the_playbook_unchanged(bootstrap, served, home):
    store = f'{served.url}/a"b\\c/..'

    assert bootstrap(store).returncode == 0
    assert playbook_input(home)["diarize_runner_store"] == store


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_is_required_only_without_a_prefix():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        store = write_store(Path(folder, "store"))
        line = command("--store", store.as_uri(), "--prefix", f"{folder}/box")
        as_nobody = {"input": SCRIPT, "env": environment(folder), "cwd": "/", "capture_output": True, "user": NOBODY}

        ran = subprocess.run(line, check=False, **as_nobody)
        refused = subprocess.run(line[:-2], check=False, **as_nobody)
        refused_removal = subprocess.run([*line[:3], "--uninstall"], check=False, **as_nobody)

        assert ran.returncode == 0, ran.stderr
        assert {path.stat().st_uid for path in Path(folder, "box").rglob("*")} == {NOBODY}
    again = f"curl -fsSL {store.as_uri()}/latest/bootstrap.sh | sudo bash -s -- --store {store.as_uri()}"
    assert (refused.returncode, refused.stderr.decode()) == (
        1,
        f"error: only root may write to /opt and /var/lib\nhint: run: {again}; or add --prefix DIR\n",
    )
    assert b"\nhint: run: sudo bash bootstrap.sh --uninstall; or add --prefix DIR\n" in refused_removal.stderr
