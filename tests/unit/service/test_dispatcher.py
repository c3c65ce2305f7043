"""The dispatcher works off a queue, and each job ends once, whatever happens to it or to its process."""

import threading
from dataclasses import replace

import pytest
from support.fake_queue import FakeQueue, job_of

from diarize_runner.errors import (
    DeviceUnavailable,
    DiarizeRunnerError,
    DiskFull,
    EmptyAudio,
    IntegrityError,
    QueueError,
)
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.work import Work
from diarize_runner.service.workers.dispatcher import Dispatcher
from diarize_runner.service.workers.models import ModelProcessDied, ModelsNotLoaded
from diarize_runner.service.workers.pace import Pace
from diarize_runner.service.workers.protocol import Finished, Loaded, ModelSettings, Progressed

DIARIZE = Work()
SECONDS = 20.0
"""Until a test gives up."""
DIED = ModelProcessDied("the model process was killed by signal 9", hint="cut it")
NO_DEVICE = ModelsNotLoaded(DeviceUnavailable("torch finds no CUDA device", hint="use --device cpu"))


class SimulatedClock:
    """A clock that the dispatcher's waits move; it sets `stop` once they have moved it by `end` seconds."""

    def __init__(self, stop, end=0.5):
        self.now, self.waits, self.stop, self.end = 1000.0, [], stop, 1000.0 + end
        self.owner = threading.current_thread()
        self.at_wait = lambda: None

    def monotonic(self):
        return self.now

    def time(self):
        return self.now

    def wait(self, event, seconds):
        if threading.current_thread() is not self.owner:  # that renews a lease
            return event.wait(0.002)
        if event.is_set():
            return True
        self.now += seconds
        self.waits.append(seconds)
        self.at_wait()
        if self.now >= self.end:
            self.stop.set()
        return event.is_set()


class FakeModels:
    """Runs what `behaviours` has for a job's id, else finishes at once."""

    def __init__(self):
        self.behaviours, self.ran, self.unloads = {}, [], 0
        self.is_loaded, self.interrupted = False, threading.Event()

    def run(self, request, audio_seconds, receiver):
        self.ran.append(request.folder.rpartition("/")[2])
        if self.interrupted.is_set():
            raise DIED
        behave = self.behaviours.get(self.ran[-1], self.finish)
        return behave(request, receiver)

    def load(self, receiver):
        self.is_loaded = True
        receiver.loaded(Loaded(device="cpu", engine="fast", load_seconds=1.0))

    def finish(self, request, receiver):
        self.load(receiver)
        write_result(request)
        return Finished(processing_seconds=1.5, memory_bytes=1)

    def hang(self, request, receiver):
        self.load(receiver)
        write_result(request)  # the last moment at which a process can be killed
        assert self.interrupted.wait(SECONDS)
        self.unload()
        raise DIED

    def interrupt(self):
        self.interrupted.set()

    def unload(self):
        self.unloads += 1
        self.is_loaded = False
        self.interrupted.clear()


def write_result(request):
    request.result_folder.mkdir()
    (request.result_folder / "json").write_text("{}")


def raising(models, error, *, begun=True):
    """Return a behaviour that fails after the models are loaded, or before."""

    def behave(request, receiver):
        if begun:
            models.load(receiver)
            write_result(request)
        raise error

    return behave


class Bench:
    """A dispatcher in simulated time."""

    def __init__(self, path, *, end=0.5, **pace):
        self.stop = threading.Event()
        self.clock = SimulatedClock(self.stop, end)
        self.queue, self.models = FakeQueue(self.clock.time), FakeModels()
        self.folder, self.changes = ServiceFolder(path=path), []
        self.folder.create()
        self.dispatcher = Dispatcher(
            box="box",
            queue=self.queue,
            folder=self.folder,
            models=self.models,
            settings=ModelSettings(cache="/nowhere"),
            pace=Pace(**{"renew_seconds": 0.0, **pace}),
            on_change=self.changes.append,
            clock=self.clock,
        )

    def add(self, *job_ids, work=DIARIZE, behave=None):
        for job_id in job_ids:
            with self.folder.new_job(job_id) as job:
                job.samples.touch()
            self.queue.add(job_of(job_id, work, created_at=self.clock.now + len(self.models.behaviours) / 1000))
            self.models.behaviours[job_id] = behave or self.models.finish
        return self

    def run(self):
        self.dispatcher.run(self.stop)
        return self

    def results(self, job_id):
        return [each.name for each in self.folder.job(job_id).path.glob("result-*")]

    def has_samples(self, job_id):
        return self.folder.job(job_id).samples.exists()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "service")


def test_a_job_succeeds_with_its_result_and_without_its_samples(bench):
    bench.add("a").run()
    job = bench.queue.job("a")
    assert (job.state, job.processing_seconds) == ("succeeded", 1.5)
    assert bench.results("a") == [job.result]
    assert not bench.has_samples("a")
    assert bench.changes[0] == bench.changes[-1] == "a"


def test_progress_is_stored_while_the_job_runs_and_never_decreases(bench):
    def seen(progress):
        return lambda: bench.queue.job("a").progress == pytest.approx(progress)

    def behave(request, receiver):
        bench.models.load(receiver)
        receiver.progressed(Progressed(stage="segmentation", completed=2, total=2))
        receiver.progressed(Progressed(stage="embeddings", completed=1, total=2))
        wait_for(seen(0.625))
        receiver.progressed(Progressed(stage="segmentation", completed=1, total=2))
        wait_for(lambda: bench.queue.job("a").stage == "segmentation")
        assert seen(0.625)()
        return bench.models.finish(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.job("a").state == "succeeded"


def test_the_lease_is_renewed_while_the_models_load(bench):
    def behave(request, receiver):
        renewed = bench.queue.renewals
        wait_for(lambda: bench.queue.renewals > renewed + 2)
        return bench.models.finish(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.job("a").state == "succeeded"


def test_a_recording_that_fails_ends_its_job_and_the_next_one_runs(bench):
    bench.add("a", behave=raising(bench.models, EmptyAudio("talk holds no samples", hint="check it"))).add("b").run()
    failed = bench.queue.job("a")
    assert (failed.state, failed.failure.kind, failed.failure.hint) == ("failed", "EmptyAudio", "check it")
    assert (bench.results("a"), bench.has_samples("a")) == ([], False)
    assert bench.queue.job("b").state == "succeeded"
    assert bench.dispatcher.problem is None


def test_a_job_that_kills_its_process_runs_three_times(bench):
    bench.add("a", behave=raising(bench.models, DIED)).run()
    assert bench.queue.calls == [("crashed", "a")] * 3
    assert bench.queue.job("a").failure.message == DIED.message
    assert (bench.results("a"), bench.has_samples("a")) == ([], False)


def test_a_job_that_another_server_cancels_ends_cancelled(bench):
    def behave(request, receiver):
        bench.queue.request_cancel("a")
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.calls == [("cancelled", "a")]
    assert (bench.results("a"), bench.has_samples("a")) == ([], False)


def test_a_job_that_another_server_deletes_stops_before_its_lease_is_renewed(tmp_path):
    bench = Bench(tmp_path, renew_seconds=10.0)

    def behave(request, receiver):
        wait_for(lambda: bench.queue.renewals == 1)
        bench.queue.delete("a")
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).run()
    assert (bench.queue.calls, bench.queue.renewals, bench.results("a")) == ([], 1, [])


def test_a_lease_is_renewed_by_time_and_by_stage_but_a_cancellation_is_seen_between(tmp_path):
    bench = Bench(tmp_path, renew_seconds=10.0)

    def behave(request, receiver):
        wait_for(lambda: bench.queue.renewals == 1)
        receiver.progressed(Progressed(stage="segmentation", completed=1, total=2))
        wait_for(lambda: bench.queue.job("a").stage == "segmentation")
        receiver.progressed(Progressed(stage="segmentation", completed=2, total=2))
        bench.clock.now += 10
        wait_for(lambda: bench.queue.renewals == 3)
        bench.queue.request_cancel("a")
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.calls == [("cancelled", "a")]
    assert bench.queue.renewals == 3
    assert bench.queue.job("a").progress == pytest.approx(0.3)


def test_a_cancellation_in_this_process_needs_no_look_at_the_queue(bench):
    def behave(request, receiver):
        bench.dispatcher.cancel("a")
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).add("b").run()
    assert bench.queue.calls == [("cancelled", "a"), ("succeed", "b")]


def test_a_cancellation_kills_no_other_job(bench):
    def behave(request, receiver):
        bench.dispatcher.cancel("b")
        bench.dispatcher.cancel("of another box")
        assert not bench.models.interrupted.is_set()
        return bench.models.finish(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.job("a").state == "succeeded"


def test_a_job_that_is_cancelled_as_it_finishes_ends_once(bench):
    def behave(request, receiver):
        finished = bench.models.finish(request, receiver)
        bench.dispatcher.cancel("a")
        return finished

    bench.add("a", behave=behave).add("b").run()
    assert bench.queue.calls == [("cancelled", "a"), ("succeed", "b")]
    assert bench.results("a") == []


def test_a_worker_that_lost_its_lease_stops_and_leaves_no_result(bench):
    def behave(request, receiver):
        bench.queue.expire("a")
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.calls == []
    assert bench.results("a") == []
    assert bench.has_samples("a")  # the other worker needs them


def test_a_result_that_comes_after_the_lease_was_lost_is_removed(bench, monkeypatch):
    def behave(request, receiver):
        bench.queue.expire("a")
        return bench.models.finish(request, receiver)

    monkeypatch.setattr(bench.queue, "renew", lambda *_arguments, **_progress: bench.queue.job("a"))
    bench.add("a", behave=behave).run()
    assert (bench.queue.calls, bench.results("a")) == ([], [])


@pytest.mark.parametrize("was_stored", [False, True])
def test_a_result_survives_a_queue_that_is_away_when_the_job_ends(tmp_path, monkeypatch, was_stored):
    bench, beats = Bench(tmp_path, end=10), []
    bench.clock.at_wait = lambda: beats.append(bench.clock.now - bench.dispatcher.heartbeat)
    succeed, failures = bench.queue.succeed, iter([QueueError("the database is away")] * 3)

    def fail_first(claim, **values):
        if error := next(failures, None):
            if was_stored and claim.job.id not in dict(map(reversed, bench.queue.calls)):
                succeed(claim, **values)
            raise error
        succeed(claim, **values)

    monkeypatch.setattr(bench.queue, "succeed", fail_first)
    bench.add("a").run()
    job = bench.queue.job("a")
    assert (job.state, bench.results("a")) == ("succeeded", [job.result])
    assert bench.models.ran == ["a"]
    assert max(beats) <= 2


def test_a_lease_that_cannot_be_renewed_for_a_moment_keeps_its_job(bench, monkeypatch):
    renew, failures = bench.queue.renew, iter([DiarizeRunnerError("the database is away")] * 3)

    def fail_first(claim, **progress):
        if error := next(failures, None):
            raise error
        return renew(claim, **progress)

    def behave(request, receiver):
        wait_for(lambda: bench.queue.renewals)
        return bench.models.finish(request, receiver)

    monkeypatch.setattr(bench.queue, "renew", fail_first)
    bench.add("a", behave=behave).run()
    assert bench.queue.job("a").state == "succeeded"


def test_models_that_do_not_load_are_tried_again_after_longer_and_longer_waits(tmp_path):
    bench = Bench(tmp_path, end=5 + 10 + 20 + 40 + 60 + 60)
    bench.add("a", behave=raising(bench.models, NO_DEVICE, begun=False))
    problems, tries = set(), list[float]()
    bench.clock.at_wait = lambda: (problems.add(bench.dispatcher.problem), tries.append(len(bench.models.ran)))
    bench.run()
    assert [tries.count(number) for number in range(1, 7)] == [5, 10, 20, 40, 60, 60]
    assert problems == {"torch finds no CUDA device"}
    assert bench.queue.job("a").state == "queued"
    assert bench.queue.job("a").attempts == 0


def test_the_problem_is_over_when_the_models_load(tmp_path):
    bench = Bench(tmp_path, end=6)

    def behave(request, receiver):
        if len(bench.models.ran) == 1:
            raise NO_DEVICE
        assert bench.dispatcher.problem
        bench.models.load(receiver)
        assert bench.dispatcher.problem is None
        return bench.models.finish(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.job("a").state == "succeeded"


def test_the_problem_is_over_when_no_job_is_left_that_shows_it(tmp_path):
    bench = Bench(tmp_path, end=6)
    bench.add("a", behave=raising(bench.models, NO_DEVICE, begun=False))
    bench.clock.at_wait = lambda: bench.queue.add(replace(bench.queue.job("a"), state="cancelled"))
    bench.run()
    assert bench.models.ran == ["a"]
    assert bench.dispatcher.problem is None


def test_after_a_success_the_waits_are_short_again(tmp_path):
    bench = Bench(tmp_path, end=11)

    def behave(request, receiver):
        if len(bench.models.ran) == 1:
            raise NO_DEVICE
        return bench.models.finish(request, receiver)

    bench.add("a", behave=behave).add("b", behave=raising(bench.models, NO_DEVICE, begun=False)).run()
    assert bench.models.ran == ["a", "a", "b", "b"]


def test_no_renewal_overlaps_the_end_of_a_job(bench, monkeypatch):
    renew, entered = bench.queue.renew, threading.Event()

    def renew_slowly(claim, **progress):
        entered.set()
        threading.Event().wait(0.05)
        bench.queue.calls.append(("renew", "a"))
        return renew(claim, **progress)

    def behave(request, receiver):
        assert entered.wait(SECONDS)
        return bench.models.finish(request, receiver)

    monkeypatch.setattr(bench.queue, "renew", renew_slowly)
    bench.add("a", behave=behave).run()
    for thread in threading.enumerate():
        if thread.name == "lease":
            thread.join(SECONDS)
    assert bench.queue.calls[-1] == ("succeed", "a")


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (DiskFull("no space"), "give back"),
        (IntegrityError("model.bin has changed"), "give back"),
        (DeviceUnavailable("CUDA error"), "crashed"),
    ],
)
def test_an_error_that_every_job_would_meet_is_waited_for(tmp_path, error, call):
    bench = Bench(tmp_path, end=5)
    bench.add("a", behave=raising(bench.models, error)).run()
    assert bench.queue.calls == [(call, "a")]
    assert bench.dispatcher.problem == error.message
    assert sum(bench.clock.waits) == 5
    assert bench.has_samples("a")


def test_a_queue_that_cannot_be_reached_is_waited_for(tmp_path):
    bench = Bench(tmp_path, end=6)
    bench.queue.errors = [DiarizeRunnerError("the database is away")]
    problems = []
    bench.clock.at_wait = lambda: problems.append(bench.dispatcher.problem)
    bench.add("a").run()
    assert bench.queue.job("a").state == "succeeded"
    assert problems == ["the database is away"] * 5 + [None]


def test_a_server_that_stops_gives_its_job_back(bench):
    def behave(request, receiver):
        bench.stop.set()
        return bench.models.hang(request, receiver)

    bench.add("a", behave=behave).run()
    assert bench.queue.calls == [("give back", "a")]
    assert (bench.results("a"), bench.has_samples("a")) == ([], True)
    assert not bench.models.is_loaded


def test_the_jobs_of_a_server_that_was_killed_run_again_at_once(bench):
    bench.add("a")
    bench.queue.claim("box", model=None, sticky_since=0.0)
    bench.run()
    assert bench.queue.job("a").state == "succeeded"


def test_jobs_of_the_loaded_model_are_next_for_one_turn(bench):
    other = Work(task="run", transcription_model="large")
    bench.add("a0").add("b0", work=other).add(*(f"a{number}" for number in range(1, 12))).run()
    assert bench.models.ran == [
        *(f"a{number}" for number in range(8)),
        "b0",
        *(f"a{number}" for number in range(8, 12)),
    ]


def test_a_job_that_has_waited_long_is_next_whatever_its_model(bench):
    bench.add("a0").add("b0", work=Work(task="run", transcription_model="large")).add("a1")
    bench.queue.add(replace(bench.queue.job("b0"), created_at=bench.clock.now - 61))
    bench.queue.add(replace(bench.queue.job("a0"), created_at=bench.clock.now - 62))
    bench.run()
    assert bench.models.ran == ["a0", "b0", "a1"]


def test_without_a_loaded_model_the_oldest_job_is_next(bench):
    bench.add("a0", behave=lambda request, receiver: (bench.models.finish(request, receiver), bench.models.unload())[0])
    bench.add("b0", work=Work(task="run", transcription_model="large")).add("a1").run()
    assert bench.models.ran == ["a0", "b0", "a1"]


@pytest.mark.parametrize(
    ("idle", "end", "loaded"), [(300, 299, True), (300, 302, False), (0, 2, False), (None, 9999, True)]
)
def test_idle_models_are_unloaded_in_time(tmp_path, idle, end, loaded):
    bench = Bench(tmp_path, end=end, idle_seconds=idle)
    states = []
    bench.clock.at_wait = lambda: states.append(bench.models.is_loaded)
    bench.add("a").run()
    assert states[-1] is loaded


def test_models_stay_between_two_jobs_even_if_they_are_unloaded_at_once(tmp_path):
    bench = Bench(tmp_path, idle_seconds=0)

    def behave(request, receiver):
        assert bench.models.is_loaded
        return bench.models.finish(request, receiver)

    bench.add("a").add("b", behave=behave).run()
    assert bench.queue.job("b").state == "succeeded"


def test_a_new_job_wakes_the_dispatcher(bench):
    def add():
        bench.clock.at_wait = lambda: None
        bench.add("a")
        bench.dispatcher.wake()

    bench.clock.at_wait, bench.clock.end = add, bench.clock.now + 1.5
    bench.run()
    assert bench.queue.job("a").state == "succeeded"


def test_the_heartbeat_goes_on_while_it_waits_and_while_it_works(tmp_path):
    bench = Bench(tmp_path, end=20)
    beats = []
    bench.clock.at_wait = lambda: beats.append(bench.clock.now - bench.dispatcher.heartbeat)

    def behave(request, receiver):
        bench.clock.now += 5
        wait_for(lambda: bench.dispatcher.heartbeat == bench.clock.now)
        raise NO_DEVICE

    bench.add("a", behave=behave).run()
    assert len(beats) >= 10
    assert max(beats) <= 1


def wait_for(holds):
    """Wait for another thread."""
    over = threading.Event()
    for _ in range(int(SECONDS / 0.002)):
        if holds():
            return
        over.wait(0.002)
    raise AssertionError("it did not happen")
