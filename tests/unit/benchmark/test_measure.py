"""The benchmark's loop, with a fake clock."""

import pytest
from support.benchmarks import Clock, Launcher, ScriptedDiarizer, reference, report, write_two_seconds
from support.benchmarks import measurement as measured_in

from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.stage_timer import StageTimer, instrument
from diarize_runner.benchmark.timed_call import TimedDiarizer
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.errors import PipelineError, UsageError
from diarize_runner.progress import NoProgress

CLOCK = Clock()
STEPS = {"speaker_counting": 1.0, "embeddings": 4.0, "clustering": 0.5}
"""Seconds of each step."""


@pytest.fixture
def item(tmp_path):
    return WorkItem(audio=write_two_seconds(tmp_path), reference=None)


def run(tmp_path, item, seconds, turns=None, **options):
    """Measure one recording with scripted engines; return the report and the launcher."""
    launcher = Launcher(tmp_path, CLOCK, seconds, turns)
    workload = Workload(name="tiny", recordings=(item,), engines=tuple(seconds), **options)
    return measure(workload, workload.items(tmp_path), launcher, NoProgress()), launcher


def test_the_realtime_factor_excludes_the_cold_start_and_the_warm_ups(tmp_path, item):
    result, _ = run(tmp_path, item, {"exact": [90.0, 50.0, 0.5, 0.25, 4.0]})
    (series,) = result.series
    (measured,) = series.measurements
    assert series.starts[0].first_call.seconds == pytest.approx(90.0)
    assert [call.seconds for call in measured.warmups] == pytest.approx([50.0])
    assert measured.processing_seconds == pytest.approx((0.5, 0.25, 4.0))
    assert measured.real_time_factor == pytest.approx(0.25)
    assert (measured.speakers, measured.score) == (2, None)


def test_each_cold_start_is_a_new_process_and_its_first_call(tmp_path, item):
    result, launcher = run(tmp_path, item, {"exact": [3.0, 1.0]}, starts=3)
    assert launcher.started == ["exact"] * 3
    assert [start.seconds for start in result.series[0].starts] == pytest.approx([7.0] * 3), (
        "4 s of loading, 3 s of call"
    )


def test_engines_alternate_and_swap_their_order_each_round(tmp_path, item):
    _, launcher = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]}, warmups=0, repeats=3)
    assert launcher.calls == ["stock", "exact", *("stock", "exact"), *("exact", "stock"), *("stock", "exact")]


def test_an_engines_output_is_compared_with_stocks(tmp_path, item):
    other = (SpeakerTurn(start=0.0, end=1.5, speaker="SPEAKER_00"),)
    same, _ = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]})
    different, _ = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]}, {"exact": other})
    alone, _ = run(tmp_path, item, {"exact": [1.0]})
    found = [[series.measurements[0].same_as_stock for series in each.series] for each in (same, different, alone)]
    assert found == [[None, True], [None, False], [None]]


def test_two_engines_that_load_the_same_one_are_refused(tmp_path, item):
    workload = Workload(name="tiny", recordings=(item,), engines=("stock", "exact"))
    launcher = Launcher(tmp_path, CLOCK, {"stock": [1.0]})
    with pytest.raises(PipelineError, match="2 series would be of the stock engine on cpu"):
        measure(workload, [item], lambda _engine, device: launcher("stock", device), NoProgress())


def test_the_time_of_a_batch_starts_at_the_launch_of_its_process(tmp_path, item):
    result, launcher = run(tmp_path, item, {"exact": [3.0, 1.0]}, batches=(1, 4))
    assert [(batch.recordings, batch.seconds) for batch in result.series[0].batches] == [(1, 7.0), (4, 10.0)]
    assert launcher.started == ["exact"] * 3
    assert result.series[0].batches[1].audio_seconds == 8.0


def test_the_hints_of_a_recording_reach_the_diarizer(tmp_path, item):
    diarizer = ScriptedDiarizer(CLOCK, [1.0])
    timed = TimedDiarizer(diarizer=diarizer, stage_timer=diarizer.stage_timer, folder=tmp_path, clock=CLOCK)
    timed.run(WorkItem(audio=item.audio, reference=None, hints=SpeakerHints(at_most=3)))
    assert diarizer.hints == [SpeakerHints(at_most=3)]


class TestStages:
    def diarizer(self, tmp_path, steps):
        diarizer = ScriptedDiarizer(CLOCK, [6.0, 6.0], steps=steps)
        return TimedDiarizer(diarizer=diarizer, stage_timer=diarizer.stage_timer, folder=tmp_path, clock=CLOCK)

    def test_add_up_to_the_call(self, tmp_path, item):
        stages = self.diarizer(tmp_path, STEPS).run(item).call.stages
        seconds = (stages.segmentation, stages.embedding, stages.clustering, stages.reconstruction)
        assert seconds == pytest.approx((1.0, 4.0, 0.5, 0.5))

    def test_are_missing_and_not_zero_if_the_call_skips_them(self, tmp_path, item):
        stages = self.diarizer(tmp_path, {"speaker_counting": 1.0}).run(item).call.stages
        assert stages.missing == ("transcription", "embedding", "clustering", "reconstruction", "label")
        assert stages.embedding is None

    def test_include_labelling_and_writing_of_a_transcript(self, tmp_path, item):
        transcript = tmp_path / "two.stm"
        transcript.write_text("two 1 anna 0.0 0.5 <o> hello\n")
        outputs = tmp_path / "outputs"
        outputs.mkdir()
        timed = self.diarizer(outputs, STEPS)
        stages = timed.run(WorkItem(audio=item.audio, reference=None, transcript=transcript)).call.stages
        assert stages.missing == ("transcription",)
        assert sorted(path.name for path in outputs.iterdir()) == ["two.json", "two.rttm"]

    def test_are_reset_before_a_second_call(self, tmp_path, item):
        timed = self.diarizer(tmp_path, STEPS)
        assert timed.run(item).call.stages.segmentation == timed.run(item).call.stages.segmentation

    def test_come_from_pyannotes_hook(self):
        clock, steps = Clock(), []
        stage_timer = StageTimer(lambda: None, clock)

        class Pipeline:
            def reconstruct(self, _segmentations):
                clock.now += 2.0
                return "turns"

            def __call__(self, file, *, hook, num_speakers):
                for step, progress in (("segmentation", {"total": 2, "completed": 2}), ("segmentation", {})):
                    clock.now += 1.0
                    hook(step, None, **progress)
                hook("speaker_counting", None)
                clock.now += 8.0
                hook("embeddings", None)
                clock.now += 4.0
                return self.reconstruct("first"), self.reconstruct("second"), num_speakers

        instrumented = instrument(Diarizer(pipeline=Pipeline(), device="cpu", engine="stock"), stage_timer)
        start = clock.now
        output = instrumented.pipeline({}, hook=lambda step, *_, **__: steps.append(step), num_speakers=2)
        stages = stage_timer.stages(start, clock.now)
        assert output == ("turns", "turns", 2)
        assert steps == ["segmentation", "segmentation", "speaker_counting", "embeddings"]
        assert (stages.segmentation, stages.embedding, stages.clustering, stages.reconstruction) == (2.0, 8.0, 4.0, 4.0)


class TestScores:
    def test_are_zero_for_a_correct_diarization(self, tmp_path, item):
        with_reference = WorkItem(audio=item.audio, reference=reference(tmp_path, (0, 1, "anna"), (1, 1, "ben")))
        result, _ = run(tmp_path, with_reference, {"exact": [1.0]})
        scored = result.series[0].measurements[0].score
        assert (scored.der, scored.jer, scored.speakers) == (0.0, 0.0, 2)
        assert result.series[0].speaker_count_accuracy == 1.0

    def test_count_half_a_second_of_confusion_in_two_seconds_as_a_quarter(self, tmp_path):
        turns = (SpeakerTurn(start=0, end=1.5, speaker="a"), SpeakerTurn(start=1.5, end=2, speaker="b"))
        found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
        scored = score(found, reference(tmp_path, (0, 1, "anna"), (1, 1, "ben")), 2.0)
        assert (scored.der, scored.missed, scored.false_alarm) == (pytest.approx(0.25), 0.0, 0.0)
        assert scored.confusion == pytest.approx(0.25)
        assert scored.jer == pytest.approx((1 / 3 + 1 / 2) / 2)

    def test_count_missed_overlap(self, tmp_path):
        turns = (SpeakerTurn(start=0, end=2, speaker="a"),)
        found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
        assert score(found, reference(tmp_path, (0, 2, "anna"), (1, 1, "ben")), 2.0).der == pytest.approx(1 / 3)

    @pytest.mark.parametrize("text", ["no rttm at all\n", "", "SPEAKER a 1 x y <NA> <NA> z <NA> <NA>\n"])
    def test_refuse_a_reference_that_is_not_rttm_with_an_example_line(self, tmp_path, text):
        path = tmp_path / "odd.rttm"
        path.write_text(text)
        with pytest.raises(UsageError) as refused:
            score(Diarization(uri="two", turns=(), exclusive_turns=()), path, 2.0)
        assert str(path) in refused.value.message
        assert "SPEAKER uri 1 start duration" in refused.value.hint


def test_the_realtime_factor_of_several_recordings_is_total_time_over_total_duration():
    result = report(measured_in("a", 10.0, 1.0), measured_in("b", 90.0, 19.0))
    assert result.series[0].real_time_factor == pytest.approx(0.2)
