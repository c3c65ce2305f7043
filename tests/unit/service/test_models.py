"""The parent of a model process starts it, asks it, and survives whatever it does."""

import json
import subprocess
import sys
import threading

import pytest
from support.fake_model_process import CHILD, LOADED, LOG, MIB

from diarize_runner.errors import DeviceUnavailable, EmptyAudio
from diarize_runner.service.work import Work
from diarize_runner.service.workers.models import Limits, ModelProcessDied, Models, ModelsNotLoaded, model_program
from diarize_runner.service.workers.protocol import JobRequest, ModelSettings
from diarize_runner.transcription.transcriber import Deadline

KILLED_FIRST = """
from diarize_runner.service.workers.model_process import be_killed_first
be_killed_first()
print(open("/proc/self/oom_score_adj").read())
"""

IMPORTED_BY_THE_SERVER = """
import importlib, pkgutil, sys
import diarize_runner.service.folder, diarize_runner.service.recording, diarize_runner.service.work
from diarize_runner.service import workers
for module in pkgutil.iter_modules(workers.__path__, "diarize_runner.service.workers."):
    importlib.import_module(module.name)
print([name for name in ("torch", "pyannote", "faster_whisper") if name in sys.modules])
"""


class Receiver:
    """Keeps the events; `at_progress` is called with each."""

    def __init__(self, at_progress=lambda: None):
        self.events, self.at_progress = [], at_progress

    def loaded(self, event):
        self.events.append(event)

    def progressed(self, event):
        self.events.append(event)
        self.at_progress()


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Return a function that reads what each process logged at its start."""
    path = tmp_path / "processes"
    monkeypatch.setenv(LOG, str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def models():
    models = Models(lambda: model_program(CHILD))
    yield models
    models.unload()


def limited(**limits):
    return Models(lambda: model_program(CHILD), Limits(**limits))


@pytest.fixture
def run(models, tmp_path):
    """Return a function that runs a job whose recording's name is what the process does."""
    numbers = iter(range(100))

    def run(name, receiver=None, models=models):
        request = JobRequest(
            load=ModelSettings(cache="/nowhere"),
            folder=str(tmp_path),
            work=Work(name=name).encode(),
            result=f"result-{next(numbers)}",
        )
        return models.run(request, 2.0, receiver or Receiver())

    return run


def test_a_job_tells_its_progress_and_its_end(models, run):
    receiver = Receiver()
    finished = run("finish", receiver)
    assert receiver.events[0] == LOADED
    assert [event.completed for event in receiver.events[1:]] == [0, 1, 2]
    assert finished.processing_seconds == 1.5
    assert (models.is_loaded, models.loaded) == (True, LOADED)


def test_one_process_runs_job_after_job(run, log):
    run("finish")
    run("finish")
    assert len(log()) == 1


def test_the_process_gets_no_secret(run, log, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "canary")
    monkeypatch.setenv("DIARIZE_RUNNER_DATABASE_PASSWORD", "canary")
    run("finish")
    (process,) = log()
    assert "canary" not in process["environment"].values()
    assert "PATH" in process["environment"]


def test_a_job_that_fails_leaves_the_models_loaded(models, run, log):
    with pytest.raises(EmptyAudio, match="talk holds no samples") as raised:
        run("fail")
    assert raised.value.hint == "check it"
    assert models.is_loaded
    run("finish")
    assert len(log()) == 1


def test_a_process_that_dies_is_told_from_one_that_says_why_and_the_next_job_starts_another(models, run, log):
    with pytest.raises(ModelProcessDied, match="killed by signal 9"):
        run("die")
    assert not models.is_loaded
    run("finish")
    assert len(log()) == 2


@pytest.mark.parametrize(
    ("name", "kind"), [("fail to load", DeviceUnavailable), ("die while loading", ModelProcessDied)]
)
def test_models_that_cannot_be_loaded_are_not_the_fault_of_the_job(run, name, kind):
    with pytest.raises(ModelsNotLoaded) as raised:
        run(name)
    assert type(raised.value.error) is kind


def test_a_process_that_cannot_start_is_not_the_fault_of_the_job(run, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(ModelsNotLoaded, match="cannot start: Resource temporarily unavailable"):
        run("finish")


@pytest.mark.parametrize("name", ["hang", "ignore"])
def test_another_thread_interrupts_a_job(models, run, name):
    timer = threading.Timer(0.5, models.interrupt)  # however early it is, the job ends
    timer.start()
    with pytest.raises(ModelProcessDied):
        run(name)
    timer.join()


def test_an_interrupt_during_a_job_ends_it(models, run):
    with pytest.raises(ModelProcessDied):
        run("hang", Receiver(at_progress=models.interrupt))


def test_an_interrupt_that_comes_before_its_job_ends_it_without_a_start(models, run, log, tmp_path):
    models.interrupt()
    with pytest.raises(ModelProcessDied):
        run("finish")
    assert not (tmp_path / "processes").exists()
    models.unload()
    run("finish")
    assert len(log()) == 1


def test_a_job_that_takes_too_long_ends_with_its_process(run):
    models = limited(deadline=Deadline(load_seconds=0.5, per_audio_second=0))
    with pytest.raises(ModelsNotLoaded, match="the job takes more than"):
        run("ignore", models=models)
    assert not models.is_loaded


def test_a_process_that_grew_beyond_its_first_job_is_replaced(run, log):
    models = limited(growth=150 * MIB)
    for _ in range(4):
        run("grow", models=models)
    models.unload()
    assert len(log()) == 2  # after the third job, it had 200 MiB more than after the first


def test_unloading_ends_the_process(models, run, log):
    run("finish")
    models.unload()
    (process,) = log()
    with pytest.raises(FileNotFoundError):
        open(f"/proc/{process['pid']}/stat")  # noqa: PTH123, SIM115
    assert (models.is_loaded, models.loaded) == (False, None)


def test_the_kernel_kills_the_model_process_before_the_server():
    done = subprocess.run([sys.executable, "-c", KILLED_FIRST], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1000"


def test_no_import_of_the_server_loads_torch():
    done = subprocess.run([sys.executable, "-c", IMPORTED_BY_THE_SERVER], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
