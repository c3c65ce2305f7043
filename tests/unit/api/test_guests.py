"""A session in a process of somebody else's: what that process has and does goes on meanwhile, and is there after."""

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

import diarize_runner
from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization import engine
from diarize_runner.diarization.guard import offline
from diarize_runner.diarization.quiet import quiet
from diarize_runner.diarization.surroundings import offline_settings, unmeasured
from diarize_runner.diarization.workers import workers
from diarize_runner.errors import OfflineViolation, PipelineError
from diarize_runner.progress import Silent

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
METRICS = "PYANNOTE_METRICS_ENABLED"


class Hello(BaseHTTPRequestHandler):
    """Answers every GET."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def opened(cache):
    return diarize_runner.open_session(cache, device="cpu")


@pytest.mark.parametrize("metrics", ["0", "1", None])
def test_the_environment_and_the_working_folder_are_as_they_were(cache, call, monkeypatch, metrics):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv("HF_HUB_CACHE", "/of/the/caller")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv(METRICS, raising=False)
    if metrics:
        monkeypatch.setenv(METRICS, metrics)
    before, folder = dict(os.environ), Path.cwd()
    with opened(cache) as session:
        loaded = dict(os.environ)
        session.diarize(call)

    # pyannote raises where it is told nothing of its telemetry, and phones home where it has its way.
    expected = before if metrics else {**before, METRICS: "0"}
    assert loaded == dict(os.environ) == expected
    assert Path.cwd() == folder


def test_no_token_and_no_telemetry_is_there_while_a_pipeline_is_loaded(cache, monkeypatch):
    """The control: what comes back was away."""
    seen, load = {}, engine.load_pipeline

    def looking(verified):
        seen.update({name: os.environ.get(name) for name in ("HF_TOKEN", "HF_HUB_OFFLINE", METRICS)})
        return load(verified)

    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    monkeypatch.setattr(engine, "load_pipeline", looking)
    opened(cache).close()
    assert seen == {"HF_TOKEN": None, "HF_HUB_OFFLINE": "1", METRICS: "0"}


def test_telemetry_is_off_while_any_of_several_is_at_work(monkeypatch):
    monkeypatch.setenv(METRICS, "1")
    first, second = unmeasured(), unmeasured()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ[METRICS] == "0"
    second.__exit__(None, None, None)
    assert os.environ[METRICS] == "1"


def test_what_fails_to_load_leaves_the_environment_as_it_was(cache, monkeypatch):
    def fail(_):
        raise RuntimeError("no such layer")

    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    monkeypatch.setattr(engine, "load_pipeline", fail)
    before = dict(os.environ)
    with pytest.raises(PipelineError, match="no such layer"):
        opened(cache)
    assert dict(os.environ) == before


def test_two_threads_that_load_at_once_leave_the_environment_as_it_was(cache, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_caller")
    monkeypatch.setenv(METRICS, "1")
    before, folder = dict(os.environ), Path.cwd()
    with ThreadPoolExecutor(2) as pool:
        for session in pool.map(opened, [cache, cache]):
            session.close()
    assert dict(os.environ) == before
    assert Path.cwd() == folder


def test_another_thread_goes_on_asking_the_web_while_a_pipeline_is_loaded_and_runs(cache, call, page):
    answers, done = [], threading.Event()

    def ask():
        while not done.is_set():
            answers.append((time.monotonic(), get(page)))
            time.sleep(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    began = time.monotonic()
    try:
        with opened(cache) as session:
            session.diarize(call)
        ended = time.monotonic()
    finally:
        done.set()
        asking.join()

    meanwhile = [said for when, said in answers if began < when < ended]
    assert len(meanwhile) > 3
    assert set(meanwhile) == {b"hello"}


@pytest.mark.parametrize("where", ["here", "in a thread", "in a worker"])
def test_what_the_pipeline_itself_asks_of_the_web_is_refused(session, call, page, monkeypatch, where):
    pipeline, refused = session._session.diarizer.pipeline, []
    count = pipeline.speaker_count

    def asking(*arguments, **options):
        try:
            ASKED[where](page)
        except OfflineViolation as error:
            refused.append(error)
        return count(*arguments, **options)

    monkeypatch.setattr(pipeline, "speaker_count", asking)
    session.diarize(call)
    assert len(refused) == 1
    assert get(page) == b"hello"


def in_a_thread(page):
    raised = []

    def ask():
        try:
            get(page)
        except OfflineViolation as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    raise raised[0]


def in_a_worker(page):
    with workers(1) as pool:
        pool.submit(get, page).result()


ASKED = {"here": get, "in a thread": in_a_thread, "in a worker": in_a_worker}


def test_another_thread_goes_on_printing_while_a_recording_is_heard(session, call, monkeypatch, capsys):
    pipeline = session._session.diarizer.pipeline
    count = pipeline.speaker_count

    def printing(*arguments, **options):
        sys.stdout.write("a library's\n")
        with_others.set()
        printed.wait(10)
        return count(*arguments, **options)

    def print_too():
        with_others.wait(10)
        sys.stdout.write("the caller's\n")
        printed.set()

    with_others, printed = threading.Event(), threading.Event()
    monkeypatch.setattr(pipeline, "speaker_count", printing)
    other = threading.Thread(target=print_too)
    other.start()
    session.diarize(call)
    other.join()
    assert capsys.readouterr().out == "the caller's\n"


class Report:
    """A progress that prints, and tells a web server."""

    def __init__(self, page):
        self.page, self.answers = page, set()

    def advance(self, stage, *, completed, total):
        sys.stdout.write(".")
        self.answers.add(get(self.page))


def test_the_callers_progress_may_print_and_ask_the_web(cache, call, page, capsys):
    report = Report(page)
    with diarize_runner.open_session(cache, device="cpu", progress=report) as session:
        session.diarize(call)
    assert report.answers == {b"hello"}
    assert len(capsys.readouterr().out) > 3


class Tee:
    """A stdout that somebody made."""

    def __init__(self):
        self.texts = []

    def write(self, text):
        self.texts.append(text)

    def flush(self):
        pass


class ToStdout(logging.Handler):
    """Prints what is logged to where stdout is then, as rich does."""

    def emit(self, record):
        sys.stdout.write(f"{record.getMessage()}\n")


@pytest.mark.parametrize("stdout", [Tee(), None], ids=["one without a length", "none"])
def test_any_stdout_will_do(monkeypatch, stdout):
    monkeypatch.setattr(sys, "stdout", stdout)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with offline(), quiet():
            pool.submit(print, "the caller's").result()
            print("a library's")  # noqa: T201
        assert sys.stdout is stdout
    assert stdout is None or "".join(stdout.texts) == "the caller's\n"


def test_what_a_library_prints_is_logged_once_even_to_stdout(monkeypatch, caplog, capsys):
    caplog.set_level("INFO")
    logging.getLogger().addHandler(handler := ToStdout())
    try:
        with offline(), quiet():
            print("few clusters")  # noqa: T201
    finally:
        logging.getLogger().removeHandler(handler)
    assert caplog.messages == ["few clusters"]
    assert capsys.readouterr().out == "few clusters\n"


@pytest.mark.parametrize("first_out", [0, 1])
def test_telemetry_stays_off_when_a_load_and_a_call_do_not_end_in_order(cache, monkeypatch, first_out):
    monkeypatch.setenv(METRICS, "1")
    blocks = [offline_settings(open_cache(cache, Silent())), unmeasured()]
    for block in blocks:
        block.__enter__()
    blocks.pop(first_out).__exit__(None, None, None)
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


def test_the_hub_and_matplotlib_have_the_callers_settings_after_the_first_import(cache, tmp_path):
    theirs = {"HF_HUB_CACHE": str(tmp_path / "hub"), "MPLBACKEND": "svg"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | theirs
    command = [sys.executable, "-c", SETTINGS, str(cache)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", str(tmp_path / "hub"), "svg"], done.stderr
