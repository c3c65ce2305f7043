"""benchmarks/gpu: a plan within a budget, batch sizes, clocks, the report and its page."""

import argparse
import functools
import importlib.util
import json
import sys
from dataclasses import replace

import pytest
from support import pipelines
from support.wheels import write_wheel

from benchmarks.gpu import bare, measure, page, prepare, wheels
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.clocks import Sample, Sampler, sampling, summarise
from benchmarks.gpu.engines import Engines
from benchmarks.gpu.options import add_measuring_options
from benchmarks.gpu.plan import Budget, Settings, Skipped, Step, plan_steps, take_steps
from benchmarks.gpu.report import Report
from benchmarks.gpu.wheels import INSTALLED, needed, read_installed, read_lock
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, apply_engine
from diarize_runner.errors import PipelineError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:numpy.*", "ignore:std.*degrees of freedom:UserWarning")
SCRIPT = {"ada": [(0.0, 2.0)], "bo": [(2.0, 4.0)]}
SHORT, LONG = 2.5, 3.0
SETTINGS = Settings(durations=(SHORT, LONG), chunk_batches=(2,), tile_batches=(1, 3), rounds=2)


@pytest.fixture(autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


FACTORS = {"stock": 10.0, "exact": 2.0, "fast": 1.0}
"""Real-time factors."""


class Clock:
    """A clock that only steps move, by the factors."""

    def __init__(self):
        self.now = 0.0
        self.taken = []

    def __call__(self):
        return self.now

    def measure(self, step):
        self.taken.append(step)
        self.now += FACTORS[step.engine] * step.audio_seconds * step.calls
        return FACTORS[step.engine] * step.audio_seconds


def plan(seconds, settings=SETTINGS):
    """Return the clock and the skipped steps of a run with this budget."""
    clock = Clock()
    skipped = list(take_steps(plan_steps(settings), Budget(deadline=seconds, clock=clock), clock.measure))
    return clock, skipped


class TestAPlan:
    def test_measures_short_recordings_first_and_stock_on_the_longest_last(self):
        steps = plan_steps(Settings(rounds=1))
        assert [(step.engine, step.audio_seconds) for step in steps[:6]] == [
            (engine, seconds) for seconds in (60.0, 600.0) for engine in ("fast", "exact", "stock")
        ]
        assert [(step.engine, step.audio_seconds) for step in steps[6:8]] == [("fast", 3600.0), ("exact", 3600.0)]
        assert steps[-1] == Step(engine="stock", audio_seconds=3600.0)

    def test_sweeps_batch_sizes_of_both_engines_on_the_second_longest_recording(self):
        swept = [step for step in plan_steps(Settings()) if step.batch_size]
        assert {step.audio_seconds for step in swept} == {600.0}
        assert [step.batch_size for step in swept if step.engine == "exact"] == [8, 16, 32, 64]
        assert [step.batch_size for step in swept if step.engine == "fast"] == [8, 16, 32, 64]

    def test_of_a_single_recording_measures_and_sweeps_it(self):
        steps = plan_steps(Settings(durations=(5.0,), chunk_batches=(2,), tile_batches=(), rounds=3))
        assert {step.audio_seconds for step in steps} == {5.0}
        assert [step.engine for step in steps] == ["fast", "exact", "exact", "stock"]

    def test_skips_nothing_with_enough_time(self):
        clock, skipped = plan(1_000.0)
        assert skipped == []
        assert clock.taken == list(plan_steps(SETTINGS))

    @pytest.mark.parametrize("seconds", [45.0, 60.0, 80.0, 120.0])
    def test_ends_within_the_budget(self, seconds):
        clock, skipped = plan(seconds)
        assert clock.now <= seconds
        assert len(clock.taken) + len(skipped) == len(plan_steps(SETTINGS))

    def test_names_the_time_that_a_skipped_step_needs(self):
        _, skipped = plan(60.0)
        (stock,) = [each for each in skipped if each.step == Step(engine="stock", audio_seconds=LONG)]
        assert stock.reason.startswith("needs about 39 s; ")

    def test_goes_on_after_a_step_that_fails(self):
        def measure(step):
            if step.batch_size == 3:
                raise PipelineError("CUDA out of memory", hint="free some")
            return 0.1

        steps = plan_steps(SETTINGS)
        (failed,) = take_steps(steps, Budget(deadline=100.0, clock=Clock()), measure)
        assert failed.step.batch_size == 3
        assert "CUDA out of memory" in failed.reason


@functools.cache
def sound(seconds):
    samples = pipelines.recording(SCRIPT, round(seconds * pipelines.RATE)).numpy()
    return Recording(uri=f"meeting-of-{seconds:g}", waveform=samples)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of small pipelines, measured here."""
    folder = tmp_path_factory.mktemp("plda")
    batches = []

    def load(engine):
        pipeline = pipelines.pipeline(folder)
        return Diarizer(pipeline=pipeline, device="cpu", engine=apply_engine(pipeline, "cpu", engine))

    with pipelines.one_thread():
        engines, measured = Engines(load=load, warm_up=sound(2.0), sampler=Sampler()), []
        for step in plan_steps(replace(SETTINGS, rounds=1)):
            measured.append(engines.measure(step, sound(step.audio_seconds)))
            batches.append(getattr(engines._current[1].diarizer.pipeline.get_embeddings, "batch_size", None))
        probes = engines.probe()
    assert {1, 2, 3} <= set(batches), "each batch size was set"
    return Report(
        date="2026-11-29T12:00:00+00:00",
        device="cpu",
        environment=describe_environment("cpu"),
        budget_seconds=480.0,
        used_seconds=12.0,
        setup_seconds=3.0,
        measured=tuple(measured),
        skipped=(Skipped(step=Step(engine="stock", audio_seconds=3600.0), reason="needs about 700 s; 90 s were left"),),
        problems=(),
        probes=probes,
    )


class TestAReport:
    def test_has_stages_memory_and_speakers_of_each_call(self, report):
        for each in report.measured:
            assert set(each.stages.measured) == {"segmentation", "embedding", "clustering", "reconstruction"}
            assert sum(each.stages.measured.values()) == pytest.approx(each.seconds, rel=0.2)
            assert each.memory.rss > 1 << 27
            assert each.seconds > 0
            assert each.speakers >= 1

    def test_finds_the_rttm_of_stock_and_exact_equal(self, report):
        assert [report.same(duration) for duration in report.durations] == [True, True]
        assert not report.different

    def test_finds_another_rttm(self, report):
        (exact, *_) = report.calls("exact", LONG)
        changed = tuple(replace(each, rttm="0" * 64) if each is exact else each for each in report.measured)
        changed = replace(report, measured=changed)
        assert (changed.same(SHORT), changed.same(LONG)) == (True, False)
        assert changed.different
        assert '<td class="bad">NO</td>' in page.render(changed)

    def test_without_stock_compares_nothing(self, report):
        alone = replace(report, measured=tuple(each for each in report.measured if each.step.engine != "stock"))
        assert alone.same(LONG) is None
        assert not alone.different
        assert "not measured" in page.render(alone)

    def test_times_a_batch_in_the_ways_that_a_cpu_has(self, report):
        assert [each.name for each in report.probes] == [
            "copy to the device",
            "features",
            "network",
            "network, channels last",
            "network, half precision, channels last",
        ]
        assert all(each.seconds > 0 for each in report.probes[:3])
        assert all((each.seconds is None) == bool(each.problem) for each in report.probes)

    def test_is_json(self, report):
        document = json.loads(report.to_json())
        assert document["format"] == "diarize-runner/gpu-benchmark/1"
        assert document["same_rttm_of_stock_and_exact"] == {"2.5": True, "3": True}
        assert len(document["measured"]) == len(plan_steps(replace(SETTINGS, rounds=1)))
        assert document["skipped"][0]["reason"] == "needs about 700 s; 90 s were left"

    def test_replaces_an_earlier_one_whole(self, report, tmp_path):
        for _ in range(2):
            measure.write(tmp_path / "new" / "report.json", report.to_json())
        assert [each.name for each in (tmp_path / "new").iterdir()] == ["report.json"]


class TestThePage:
    def test_is_self_contained_and_fits_a_phone_and_the_dark(self, report):
        html = page.render(report)
        assert "src=" not in html
        assert "default-src 'none'" in html
        assert 'name="viewport" content="width=device-width' in html
        assert "prefers-color-scheme: dark" in html
        assert "@media (max-width: 40rem)" in html

    def test_shows_speed_stages_batch_sizes_and_skipped_steps(self, report):
        html = page.render(report)
        for title in (
            "Speed",
            "Stages of a call",
            "Stages",
            "Batch sizes of the embedding",
            "Not measured",
            "One batch of the fast engine",
        ):
            assert f"<h2>{title}</h2>" in html
        assert "<h2>Clocks</h2>" not in html, "a CPU has none"
        assert "needs about 700 s; 90 s were left" in html

    def test_shows_clocks_and_throttling(self, report):
        clocks = summarise([sample(0.0, 1590.0, 0x4), sample(1.0, 585.0, 0x40)])
        html = page.render(replace(report, measured=(replace(report.measured[0], clocks=clocks),)))
        assert "<td>585 to 1590</td><td>1590 MHz</td><td>70 °C</td><td>69 W</td>" in html
        assert "<td>power cap, hardware thermal slowdown</td>" in html

    def test_says_why_clocks_are_unknown(self, report):
        assert "Clocks are unknown: nvidia-smi: gone" in page.render(replace(report, problems=("nvidia-smi: gone",)))


def sample(at, clock, reasons):
    return Sample(at=at, sm_clock_mhz=clock, max_sm_clock_mhz=1590.0, celsius=70.0, reasons=reasons, watts=69.3)


class TestClocks:
    def test_of_an_idle_gpu_do_not_count(self):
        clocks = summarise([sample(0.0, 300.0, 0x1), sample(1.0, 1500.0, 0x0)])
        assert clocks.sm_clock_mhz == (1500.0, 1500.0)
        assert clocks.throttled == ()

    def test_are_those_of_the_step(self):
        sampler = Sampler(samples=[sample(1.0, 500.0, 0), sample(2.0, 600.0, 0), sample(3.0, 700.0, 0)])
        assert sampler.between(1.5, 2.5).sm_clock_mhz == (600.0, 600.0)
        assert sampler.between(5.0, 6.0) is None

    def test_are_sampled_as_nvidia_smi_prints_them(self, install_nvidia_smi):
        install_nvidia_smi('[ "$1" = --id=GPU-1 ] && echo "1500, 1590, 61, 0x0000000000000004, [N/A]"')
        with sampling("GPU-1", interval=0.01) as sampler:
            wait_for(lambda: len(sampler.samples) > 1)
        first = sampler.samples[0]
        assert (first.sm_clock_mhz, first.celsius, first.reasons, first.watts) == (1500.0, 61.0, 0x4, None)

    def test_are_unknown_without_nvidia_smi(self, install_nvidia_smi):
        install_nvidia_smi("exit 9")
        with sampling("GPU-1") as sampler:
            wait_for(lambda: sampler.problems)
        assert "returned non-zero exit status 9" in sampler.problems[0]

    def test_of_a_cpu_are_not_sampled(self):
        with sampling(None) as sampler:
            pass
        assert sampler == Sampler()


@pytest.fixture
def install_nvidia_smi(tmp_path, monkeypatch):
    def install(script):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def wait_for(condition):
    import time

    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestWheels:
    def names(self, installed=INSTALLED):
        return {pin.name for pin in needed(read_lock("3.12"), installed)}

    def test_are_those_that_a_plain_torch_machine_lacks(self):
        names = self.names()
        assert {"pyannote-audio", "pyannote-core", "pyannote-metrics", "lightning", "einops"} <= names
        assert not names & {"torch", "numpy", "scipy", "av", "boto3"}
        assert not [name for name in names if name.startswith(("nvidia-", "cuda-"))]

    def test_keep_their_hashes(self):
        assert all(" --hash=sha256:" in pin.line for pin in needed(read_lock("3.12"), INSTALLED))

    def test_leave_out_what_a_list_of_the_machine_names(self, tmp_path):
        listed = tmp_path / "installed"
        listed.write_text("Einops==0.8.2\npytorch_lightning==2.6.6\n\n")
        names = self.names(read_installed(listed))
        assert "numpy" in names
        assert not names & {"einops", "pytorch-lightning"}

    def test_of_a_python_without_a_lock_are_refused_with_a_hint(self):
        with pytest.raises(UsageError, match=r"no packages are locked for Python 3\.9") as refusal:
            read_lock("3.9")
        assert refusal.value.hint.startswith("use one of 3.10, ")

    @pytest.fixture
    def carry(self, tmp_path, monkeypatch):
        """A function that carries two wheels of 60 and 40 bytes."""

        def write(name, size):
            return lambda *arguments: (arguments[-1] / name).write_bytes(bytes(size))

        monkeypatch.setattr(wheels, "download", write("einops-0.8.2-py3-none-any.whl", 60))
        monkeypatch.setattr(wheels, "build_own", write("diarize_runner-0.2.0-py3-none-any.whl", 40))
        arguments = argparse.Namespace(python="3.12", installed=None)
        return functools.partial(prepare._carry_wheels, tmp_path / "wheels", arguments)

    def test_over_the_limit_are_refused_with_a_hint(self, carry, monkeypatch):
        monkeypatch.setattr(wheels, "LIMIT", 99)
        with pytest.raises(UsageError, match="at most 0 MB are carried") as refusal:
            carry()
        assert refusal.value.hint == "list what the machine has with --installed FILE"

    def test_at_the_limit_are_carried(self, carry, monkeypatch, capsys):
        monkeypatch.setattr(wheels, "LIMIT", 100)
        carry()
        assert capsys.readouterr().out == "wheels: 0.0 MB\n"


class TestARefusal:
    @pytest.fixture
    def folder(self, tmp_path):
        """A prepared folder with a wheel for another Python."""
        (tmp_path / "wheels").mkdir()
        write_wheel(tmp_path / "wheels", "tiny", "1.0", {}, tag="cp27-cp27m-win32")
        (tmp_path / bare.PREPARED).touch()
        return tmp_path

    def test_of_a_folder_that_was_not_prepared_has_a_hint(self, tmp_path, capsys):
        assert bare.run(options(str(tmp_path))) == 2
        assert "was not prepared\nhint: " in capsys.readouterr().err

    def test_of_wheels_for_another_python_has_a_hint(self, folder, capfd):
        assert bare.run(options(str(folder))) == 1
        reason, error, hint = capfd.readouterr().err.splitlines()
        assert reason.startswith("ERROR: tiny-1.0-cp27-cp27m-win32.whl is not a supported wheel")
        assert error == f"error: pip cannot install {folder}/wheels"
        assert hint.startswith("hint: if the wheels are for another Python, run where the package index can be reached")
        assert hint.endswith(f" --python {sys.version_info.major}.{sys.version_info.minor}")

    def test_without_pip_says_how_to_install_it(self, folder, capfd, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        bare.run(options(str(folder)))
        assert capfd.readouterr().err.endswith(f"hint: install pip: {sys.executable} -m ensurepip\n")

    def test_without_a_gpu_names_the_cpu(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        monkeypatch.setattr(sys, "argv", ["measure", str(tmp_path)])
        with pytest.raises(SystemExit, match="1"):
            measure.main()
        assert capsys.readouterr().err == (
            "error: torch finds no CUDA device\nhint: run nvidia-smi, or use --device cpu\n"
        )

    def test_of_a_missing_cache_is_an_error_with_a_hint(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["measure", str(tmp_path), "--device", "cpu"])
        with pytest.raises(SystemExit):
            measure.main()
        error, hint = capsys.readouterr().err.splitlines()
        assert (error[:7], hint[:6]) == ("error: ", "hint: ")

    def test_of_a_folder_that_is_not_empty_has_a_hint(self, folder, capsys, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["gpu", "prepare", str(folder)])
        with pytest.raises(SystemExit, match="2"):
            main()
        assert capsys.readouterr().err == f"error: {folder} is not empty\nhint: remove it, or name another folder\n"


def test_the_measuring_process_gets_the_same_options(tmp_path):
    words = ["--durations", "5", "9", "--chunk-batches", "--budget", "99", "-o", "r.json", "--device", "cpu"]
    given = options(str(tmp_path), *words)
    assert options(str(tmp_path), *bare._repeat(given)) == given


def options(*words):
    parser = argparse.ArgumentParser()
    add_measuring_options(parser)
    return parser.parse_args(words)
