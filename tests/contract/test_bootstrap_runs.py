"""bootstrap.sh from its beginning to its end, and back: proxies, kills, keys and users. Its toolkit is a stand-in."""

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
"""A wheel that can be cut in the middle."""
NOBODY = 65534


@pytest.fixture
def box(tmp_path):
    """The folder that everything is put under."""
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
    """Run the script under the box's folder."""

    def run(store, *arguments, shell="bash", **more):
        line = command("--store", store, "--prefix", box, *arguments, shell=shell)
        told = environment(tmp_path, **more)
        return subprocess.run(line, input=SCRIPT, env=told, cwd=tmp_path, capture_output=True, check=False)

    return run


def told(home):
    return json.loads((home / "told.json").read_text())


def begun_of(home):
    """Return where a killed run leaves what it has of the wheel."""
    return home / "inputs/1.0" / f"{WHEEL}.part"


def asked(server):
    """Return the names of what was asked of a server, as often as it was."""
    return [request.path.rpartition("/")[2] for request in server.requests]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_machine_is_provisioned_from_whichever_shell_and_goes_back_to_what_it_was(
    shell, bootstrap, served, home, box, tmp_path
):
    before = tree(tmp_path)

    ran = bootstrap(served.url, "--device", "cpu", shell=shell)

    assert ran.returncode == 0, ran.stderr
    assert told(home) == {
        "diarize_runner_store": served.url,
        "diarize_runner_version": "latest",
        "diarize_runner_prefix": str(box),
        "diarize_runner_device": "cpu",
        "diarize_runner_public_key": "",
        "diarize_runner_packages": "store",
        "diarize_runner_become": False,
        "toolkit_in_place": f"{home}/inputs/1.0",
    }
    assert (home / "from").read_text() == f"{home}/inputs/1.0/toolkit/playbooks\n"
    ran = bootstrap(served.url, "--uninstall", shell=shell)
    assert ran.returncode == 0, ran.stderr
    assert tree(tmp_path) == before


def test_what_was_there_before_is_not_taken_away(bootstrap, served, box, tmp_path):
    (box / "opt").mkdir(parents=True)
    (box / "opt/mine").write_text("mine")
    before = tree(tmp_path)

    bootstrap(served.url)
    bootstrap(served.url, "--uninstall")

    assert tree(tmp_path) == before


def test_the_playbook_and_what_it_starts_get_no_hub_token(bootstrap, served, home):
    ran = bootstrap(served.url, HF_TOKEN="canary", HUGGING_FACE_HUB_TOKEN="canary", CONTROL="kept")

    assert ran.returncode == 0, ran.stderr
    assert "canary" not in (home / "environment").read_text()
    assert "CONTROL=kept" in (home / "environment").read_text()


def test_a_store_that_asks_for_a_password_is_read_by_what_netrc_says_and_nothing_repeats_it(
    bootstrap, served, box, tmp_path
):
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
    assert (box / "opt/diarize-runner/told.json").is_file(), "it was looked into"


def test_where_nothing_was_put_there_is_nothing_to_uninstall(bootstrap, served, home):
    ran = bootstrap(served.url, "--uninstall")

    assert ran.returncode == 1
    assert ran.stderr.decode().startswith(f"error: {home}/receipt.json is not there\nhint: nothing was put under ")


def test_a_second_run_fetches_only_what_says_whether_anything_is_new(bootstrap, served):
    bootstrap(served.url)
    served.requests.clear()

    assert bootstrap(served.url).returncode == 0
    assert [request.path for request in served.requests] == ["/latest/manifest.json", "/v1.0/manifest.json"]


@pytest.fixture
def killed(tmp_path, box, served):
    """Kill a run, with all it has started, when some of the wheel has arrived."""

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


def test_a_run_after_one_that_was_killed_goes_on_where_that_was_stopped(killed, bootstrap, served, home):
    killed()
    begun = begun_of(home).stat().st_size
    before = asked(served)

    ran = bootstrap(served.url)

    assert ran.returncode == 0, ran.stderr
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG
    assert served.requests[-1].headers["Range"] == f"bytes={begun}-"
    again = asked(served)[len(before) :]
    assert [name for name in again if name in before] == ["manifest.json", "manifest.json", WHEEL]


def test_a_run_after_one_that_was_killed_when_all_had_arrived_fetches_it_no_more(killed, bootstrap, served, home):
    killed()
    begun_of(home).write_bytes(BIG)
    served.requests.clear()

    assert bootstrap(served.url).returncode == 0
    assert WHEEL not in asked(served)
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_a_wrong_beginning_is_fetched_anew(killed, bootstrap, served, home):
    killed()
    begun_of(home).write_bytes(b"x" * 5000)

    assert bootstrap(served.url).returncode == 0
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_from_a_server_that_cannot_go_on_the_whole_is_fetched_anew(killed, bootstrap, served, home, tmp_path):
    killed()

    with serving(files_whole(tmp_path / "store")) as simple:
        ran = bootstrap(simple.url)

    assert ran.returncode == 0, ran.stderr
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG


def test_what_a_killed_run_has_put_there_can_be_uninstalled(killed, bootstrap, served, box):
    killed()

    ran = bootstrap(served.url, "--uninstall")

    assert ran.returncode == 0, ran.stderr
    assert not box.exists()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_nothing_outside_of_its_prefix(by, killed, tmp_path):
    before = {path.name for path in tmp_path.iterdir()}

    assert killed(by).returncode != 0
    assert {path.name for path in tmp_path.iterdir()} == before | {"box"}


class TestProxies:
    """Those of the environment, which also reaches the playbook; what reads stores there has tests of its own."""

    @pytest.mark.parametrize(
        ("store", "variable", "line"),
        [
            ("http://models.invalid/m", "http_proxy", b"GET http://models.invalid/m/latest/manifest.json HTTP/1.1"),
            ("https://models.invalid/m", "HTTPS_PROXY", b"CONNECT models.invalid:443 HTTP/1.1"),
            ("https://models.invalid/m", "https_proxy", b"CONNECT models.invalid:443 HTTP/1.1"),
            ("https://models.invalid/m", "ALL_PROXY", b"CONNECT models.invalid:443 HTTP/1.1"),
        ],
    )
    def test_a_store_is_asked_by_way_of_the_proxy(self, store, variable, line, bootstrap):
        with proxy_that_refuses() as (address, heard):
            ran = bootstrap(store, **{variable: address})

        assert ran.returncode == 1
        assert f"error: {store}/latest/manifest.json cannot be fetched\nhint: " in ran.stderr.decode()
        assert heard == [line]

    def test_everything_comes_by_way_of_the_proxy_and_the_playbook_is_told_of_it(self, bootstrap, served, home):
        ran = bootstrap("http://models.invalid", http_proxy=served.url)

        assert ran.returncode == 0, ran.stderr
        assert all(request.path.startswith("http://models.invalid/") for request in served.requests)
        assert f"http_proxy={served.url}\n" in (home / "environment").read_text()

    def test_no_proxy_is_asked_for_what_it_is_not_for(self, bootstrap, served):
        ran = bootstrap(served.url, http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")

        assert ran.returncode == 0, ran.stderr


@contextmanager
def proxy_that_refuses():
    """Run a proxy that refuses everything with 403; give its address and the first lines of what it was asked."""
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
    """`--public-key`: nothing of a version is taken that the key did not sign."""

    def test_the_playbook_gets_the_key_by_a_path_that_holds_in_every_folder(self, bootstrap, served, home, tmp_path):
        sign(tmp_path / "store", tmp_path)

        ran = bootstrap(served.url, "--public-key", "key.pub")

        assert ran.returncode == 0, ran.stderr
        assert told(home)["diarize_runner_public_key"] == f"{tmp_path}/key.pub"

    @pytest.mark.parametrize("wrong", ["another key", "no key", "no signature"])
    def test_a_key_that_did_not_sign_puts_nothing_there(self, wrong, bootstrap, served, box, tmp_path):
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
        ("files", "said"),
        [
            (["key.pem"], "holds a private key"),
            (["key.pub", "key.pem"], "holds a private key"),
            (["key.pub", "key.pub"], "holds more than one key"),
        ],
        ids=["a private key", "both halves", "two keys"],
    )
    def test_a_file_that_is_not_one_public_key_is_refused_before_anything_is_asked(
        self, files, said, bootstrap, served, box, tmp_path
    ):
        sign(tmp_path / "store", tmp_path)
        given = tmp_path / "given.pem"
        given.write_text("".join((tmp_path / name).read_text() for name in files))

        ran = bootstrap(served.url, "--public-key", given)

        assert ran.returncode == 2
        assert ran.stderr.decode().startswith(f"error: {given} {said}\nhint: ")
        assert served.requests == []
        assert not box.exists()


def test_the_version_that_is_asked_for_is_taken_and_not_the_latest(bootstrap, served, home, tmp_path):
    write_store(tmp_path / "store", version="2.0", wheel=b"newer")

    assert bootstrap(served.url, "--version", "1.0").returncode == 0

    assert told(home)["diarize_runner_version"] == "1.0"
    assert told(home)["toolkit_in_place"] == f"{home}/inputs/1.0"
    assert (home / "inputs/1.0" / WHEEL).read_bytes() == BIG
    assert not any("latest" in request.path for request in served.requests)


def test_what_stands_in_an_argument_reaches_the_playbook_as_it_is(bootstrap, served, home):
    store = f'{served.url}/a"b\\c/..'

    assert bootstrap(store).returncode == 0
    assert told(home)["diarize_runner_store"] == store


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_with_a_prefix_no_root_is_needed_and_without_one_it_is():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        store = write_store(Path(folder, "store"))
        line = command("--store", store.as_uri(), "--prefix", f"{folder}/box")
        as_nobody = {"input": SCRIPT, "env": environment(folder), "cwd": "/", "capture_output": True, "user": NOBODY}

        ran = subprocess.run(line, check=False, **as_nobody)
        refused = subprocess.run(line[:-2], check=False, **as_nobody)

        assert ran.returncode == 0, ran.stderr
        assert {path.stat().st_uid for path in Path(folder, "box").rglob("*")} == {NOBODY}
    assert (refused.returncode, refused.stderr) == (
        1,
        b"error: only root may write to /opt and /var/lib\nhint: run it with sudo, or give --prefix DIR\n",
    )
