"""A session in the caller's process does not disturb that process, and restores what it changes."""

import logging
import os
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import pipelines
from support.small_pipelines import restored

import diarize_runner
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization import engine
from diarize_runner.diarization.environment import offline_environment, without_telemetry
from diarize_runner.diarization.guard import offline
from diarize_runner.diarization.library_output import suppress_library_output
from diarize_runner.diarization.workers import workers
from diarize_runner.errors import OfflineViolation, PipelineError
from diarize_runner.progress import NoProgress

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
METRICS = "PYANNOTE_METRICS_ENABLED"


class HelloHandler(BaseHTTPRequestHandler):
    """Answers every GET request with `hello`."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), HelloHandler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read()


def open_session(cache):
    return diarize_runner.open_session(cache, device="cpu")


@pytest.mark.parametrize("metrics", ["0", "1", None])
def test_a_session_restores_the_environment_and_the_working_folder(cache, call, monkeypatch, metrics):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv("HF_HUB_CACHE", "/of/the/caller")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv(METRICS, raising=False)
    if metrics:
        monkeypatch.setenv(METRICS, metrics)
    before, folder = dict(os.environ), Path.cwd()
    with open_session(cache) as session:
        environment_in_session = dict(os.environ)
        session.diarize(call)

    # The variable stays set: pyannote raises if it is unset, and enables telemetry by default.
    expected = before if metrics else {**before, METRICS: "0"}
    assert environment_in_session == dict(os.environ) == expected
    assert Path.cwd() == folder


def test_a_pipeline_loads_without_a_token_and_without_telemetry(cache, monkeypatch):
    """Control for the restored environment: it does change during a load."""
    seen, load = {}, engine.load_pipeline

    def record_environment(verified):
        seen.update({name: os.environ.get(name) for name in ("HF_TOKEN", "HF_HUB_OFFLINE", METRICS)})
        return load(verified)

    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    monkeypatch.setattr(engine, "load_pipeline", record_environment)
    open_session(cache).close()
    assert seen == {"HF_TOKEN": None, "HF_HUB_OFFLINE": "1", METRICS: "0"}


def test_telemetry_stays_off_until_the_last_of_several_calls_ends(monkeypatch):
    monkeypatch.setenv(METRICS, "1")
    first, second = without_telemetry(), without_telemetry()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ[METRICS] == "0"
    second.__exit__(None, None, None)
    assert os.environ[METRICS] == "1"


def test_a_failed_load_restores_the_environment(cache, monkeypatch):
    def fail(_):
        raise RuntimeError("no such layer")

    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    monkeypatch.setattr(engine, "load_pipeline", fail)
    before = dict(os.environ)
    with pytest.raises(PipelineError, match="no such layer"):
        open_session(cache)
    assert dict(os.environ) == before


def test_concurrent_loads_restore_the_environment(cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    before, folder = dict(os.environ), Path.cwd()
    with ThreadPoolExecutor(2) as pool:
        for session in pool.map(open_session, [cache, cache]):
            session.close()
    assert dict(os.environ) == before
    assert Path.cwd() == folder


def test_another_thread_keeps_network_access_while_a_pipeline_loads_and_runs(cache, call, url):
    responses, done = [], threading.Event()

    def poll():
        while not done.is_set():
            responses.append((time.monotonic(), get(url)))
            time.sleep(0.01)

    poller = threading.Thread(target=poll)
    poller.start()
    began = time.monotonic()
    try:
        with open_session(cache) as session:
            session.diarize(call)
        ended = time.monotonic()
    finally:
        done.set()
        poller.join()

    during_session = [content for when, content in responses if began < when < ended]
    assert len(during_session) > 3
    assert set(during_session) == {b"hello"}


@pytest.mark.parametrize("caller", ["same thread", "new thread", "worker"])
def test_a_request_of_the_pipeline_is_refused(session, call, url, monkeypatch, caller):
    pipeline, refused = session._session.diarizer.pipeline, []
    count = pipeline.speaker_count

    def count_with_request(*arguments, **options):
        try:
            REQUESTS[caller](url)
        except OfflineViolation as error:
            refused.append(error)
        return count(*arguments, **options)

    monkeypatch.setattr(pipeline, "speaker_count", count_with_request)
    session.diarize(call)
    assert len(refused) == 1
    assert get(url) == b"hello"


def get_in_thread(url):
    raised = []

    def request():
        try:
            get(url)
        except OfflineViolation as error:
            raised.append(error)

    thread = threading.Thread(target=request)
    thread.start()
    thread.join()
    raise raised[0]


def get_in_worker(url):
    with workers(1) as pool:
        pool.submit(get, url).result()


REQUESTS = {"same thread": get, "new thread": get_in_thread, "worker": get_in_worker}


def test_another_thread_can_print_while_a_recording_is_diarized(session, call, monkeypatch, capsys):
    pipeline = session._session.diarizer.pipeline
    count = pipeline.speaker_count

    def count_and_print(*arguments, **options):
        sys.stdout.write("a library's\n")
        library_printed.set()
        caller_printed.wait(10)
        return count(*arguments, **options)

    def print_as_caller():
        library_printed.wait(10)
        sys.stdout.write("the caller's\n")
        caller_printed.set()

    library_printed, caller_printed = threading.Event(), threading.Event()
    monkeypatch.setattr(pipeline, "speaker_count", count_and_print)
    thread = threading.Thread(target=print_as_caller)
    thread.start()
    session.diarize(call)
    thread.join()
    assert capsys.readouterr().out == "the caller's\n"


class NetworkProgress:
    """A progress that prints and sends requests."""

    def __init__(self, url):
        self.url, self.responses = url, set()

    def advance(self, stage, *, completed, total):
        sys.stdout.write(".")
        self.responses.add(get(self.url))


def test_the_callers_progress_may_print_and_use_the_network(cache, call, url, capsys):
    progress = NetworkProgress(url)
    with diarize_runner.open_session(cache, device="cpu", progress=progress) as session:
        session.diarize(call)
    assert progress.responses == {b"hello"}
    assert len(capsys.readouterr().out) > 3


class CustomStdout:
    """A minimal stdout of the caller."""

    def __init__(self):
        self.texts = []

    def write(self, text):
        self.texts.append(text)

    def flush(self):
        pass


class StdoutHandler(logging.Handler):
    """Prints log records to the current stdout, as rich does."""

    def emit(self, record):
        sys.stdout.write(f"{record.getMessage()}\n")


@pytest.mark.parametrize("stdout", [CustomStdout(), None], ids=["custom", "none"])
def test_a_custom_or_missing_stdout_is_supported(monkeypatch, stdout):
    monkeypatch.setattr(sys, "stdout", stdout)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with offline(), suppress_library_output():
            pool.submit(print, "the caller's").result()
            print("a library's")  # noqa: T201
        assert sys.stdout is stdout
    assert stdout is None or "".join(stdout.texts) == "the caller's\n"


def test_library_output_is_logged_once_even_by_a_handler_on_stdout(monkeypatch, caplog, capsys):
    caplog.set_level("INFO")
    logging.getLogger().addHandler(handler := StdoutHandler())
    try:
        with offline(), suppress_library_output():
            print("few clusters")  # noqa: T201
    finally:
        logging.getLogger().removeHandler(handler)
    assert caplog.messages == ["few clusters"]
    assert capsys.readouterr().out == "few clusters\n"


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_telemetry_stays_off_until_both_a_load_and_a_call_end(cache, monkeypatch, first_to_end):
    monkeypatch.setenv(METRICS, "1")
    blocks = [offline_environment(open_cache(cache, NoProgress())), without_telemetry()]
    for block in blocks:
        block.__enter__()
    blocks.pop(first_to_end).__exit__(None, None, None)
    assert os.environ[METRICS] == "0"
    blocks.pop().__exit__(None, None, None)
    assert os.environ[METRICS] == "1"


SETTINGS = """
import os, sys
import diarize_runner
diarize_runner.open_session(sys.argv[1], device="cpu").close()
from huggingface_hub import constants
import matplotlib
print(constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE, matplotlib.get_backend())
"""


@pytest.mark.long
def test_huggingface_hub_and_matplotlib_keep_the_callers_settings_after_a_load(tmp_path):
    with pipelines.campplus_of(pipelines.ALL_BLOCKS):
        cache = restored(tmp_path / "small")
    settings = {"HF_HUB_CACHE": str(tmp_path / "hub"), "MPLBACKEND": "svg"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | settings
    command = [sys.executable, "-c", SETTINGS, str(cache)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", str(tmp_path / "hub"), "svg"], done.stderr
