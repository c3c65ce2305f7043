"""The benchmark's loop, by a clock that the test turns."""

import pytest
from support.benchmarks import Clock, Launcher, ScriptedDiarizer, reference, report, two_seconds
from support.benchmarks import measurement as measured_in

from diarize_runner.benchmark.bench import Bench
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.marks import Marks, observed
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.workload import Workload
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.errors import PipelineError, UsageError
from diarize_runner.progress import Silent

CLOCK = Clock()
STEPS = {"speaker_counting": 1.0, "embeddings": 4.0, "clustering": 0.5}
"""Seconds until each step ends."""


@pytest.fixture
def item(tmp_path):
    return WorkItem(audio=two_seconds(tmp_path), reference=None)


def run(tmp_path, item, seconds, turns=None, **how):
    """Measure one recording with scripted engines; return the report and the launcher."""
    launcher = Launcher(tmp_path, CLOCK, seconds, turns)
    workload = Workload(name="tiny", recordings=(item,), engines=tuple(seconds), **how)
    return measure(workload, workload.items(tmp_path), launcher, Silent()), launcher


def test_the_realtime_factor_is_the_median_call_over_the_audio_and_neither_the_first_call_nor_warm_ups_count(
    tmp_path, item
):
    told, _ = run(tmp_path, item, {"exact": [90.0, 50.0, 0.5, 0.25, 4.0]})
    (series,) = told.series
    (measured,) = series.measurements
    assert series.starts[0].first_call.seconds == pytest.approx(90.0)
    assert [call.seconds for call in measured.warmups] == pytest.approx([50.0])
    assert measured.processing_seconds == pytest.approx((0.5, 0.25, 4.0))
    assert measured.real_time_factor == pytest.approx(0.25)
    assert (measured.speakers, measured.score) == (2, None)


def test_the_cold_figures_are_of_new_processes_each_with_its_first_call(tmp_path, item):
    told, launcher = run(tmp_path, item, {"exact": [3.0, 1.0]}, starts=3)
    assert launcher.started == ["exact"] * 3
    assert [start.seconds for start in told.series[0].starts] == pytest.approx([7.0] * 3), "4 s of loading, 3 s of call"


def test_engines_are_called_by_turns_and_the_second_to_be_called_is_the_first_next_time(tmp_path, item):
    _, launcher = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]}, warmups=0, repeats=3)
    assert launcher.calls == ["stock", "exact", *("stock", "exact"), *("exact", "stock"), *("stock", "exact")]


def test_what_an_engine_says_is_compared_with_stock_and_stock_with_nobody(tmp_path, item):
    other = (SpeakerTurn(start=0.0, end=1.5, speaker="SPEAKER_00"),)
    same, _ = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]})
    different, _ = run(tmp_path, item, {"stock": [4.0], "exact": [1.0]}, {"exact": other})
    alone, _ = run(tmp_path, item, {"exact": [1.0]})
    said = [[series.measurements[0].same_as_stock for series in each.series] for each in (same, different, alone)]
    assert said == [[None, True], [None, False], [None]]


def test_two_engines_that_turn_out_to_be_one_are_not_compared(tmp_path, item):
    workload = Workload(name="tiny", recordings=(item,), engines=("stock", "exact"))
    launcher = Launcher(tmp_path, CLOCK, {"stock": [1.0]})
    with pytest.raises(PipelineError, match="are one"):
        measure(workload, [item], lambda _engine, device: launcher("stock", device), Silent())


def test_a_batch_is_timed_from_before_its_process_was_started(tmp_path, item):
    told, launcher = run(tmp_path, item, {"exact": [3.0, 1.0]}, batches=(1, 4))
    assert [(batch.recordings, batch.seconds) for batch in told.series[0].batches] == [(1, 7.0), (4, 10.0)]
    assert launcher.started == ["exact"] * 3
    assert told.series[0].batches[1].audio_seconds == 8.0


def test_the_hints_of_a_recording_reach_the_diarizer(tmp_path, item):
    diarizer = ScriptedDiarizer(CLOCK, [1.0])
    bench = Bench(diarizer=diarizer, marks=diarizer.marks, folder=tmp_path, clock=CLOCK)
    bench.run(WorkItem(audio=item.audio, reference=None, hints=SpeakerHints(at_most=3)))
    assert diarizer.hints == [SpeakerHints(at_most=3)]


class TestStages:
    def bench(self, tmp_path, steps):
        diarizer = ScriptedDiarizer(CLOCK, [6.0, 6.0], steps=steps)
        return Bench(diarizer=diarizer, marks=diarizer.marks, folder=tmp_path, clock=CLOCK)

    def test_they_add_up_to_the_call(self, tmp_path, item):
        stages = self.bench(tmp_path, STEPS).run(item).call.stages
        split = (stages.segmentation, stages.embedding, stages.clustering, stages.reconstruction)
        assert split == pytest.approx((1.0, 4.0, 0.5, 0.5))

    def test_one_that_was_not_passed_through_is_missing_and_not_zero(self, tmp_path, item):
        stages = self.bench(tmp_path, {"speaker_counting": 1.0}).run(item).call.stages
        assert stages.missing == ("embedding", "clustering", "reconstruction", "label")
        assert stages.embedding is None

    def test_a_transcript_is_labelled_and_written_beside_the_turns(self, tmp_path, item):
        transcript = tmp_path / "two.stm"
        transcript.write_text("two 1 anna 0.0 0.5 <o> hello\n")
        written = tmp_path / "written"
        written.mkdir()
        bench = self.bench(written, STEPS)
        stages = bench.run(WorkItem(audio=item.audio, reference=None, transcript=transcript)).call.stages
        assert stages.missing == ()
        assert sorted(path.name for path in written.iterdir()) == ["two.json", "two.rttm"]

    def test_of_a_second_call_they_are_its_own(self, tmp_path, item):
        bench = self.bench(tmp_path, STEPS)
        assert bench.run(item).call.stages.segmentation == bench.run(item).call.stages.segmentation

    def test_they_are_read_off_the_hook_that_pyannote_calls(self):
        clock, heard = Clock(), []
        marks = Marks(lambda: None, clock)

        class Pipeline:
            def reconstruct(self, _what):
                clock.now += 2.0
                return "turns"

            def __call__(self, file, *, hook, num_speakers):
                for step, told in (("segmentation", {"total": 2, "completed": 2}), ("segmentation", {})):
                    clock.now += 1.0
                    hook(step, None, **told)
                hook("speaker_counting", None)
                clock.now += 8.0
                hook("embeddings", None)
                clock.now += 4.0
                return self.reconstruct("first"), self.reconstruct("second"), num_speakers

        seen = observed(Diarizer(pipeline=Pipeline(), device="cpu", engine="stock"), marks)
        start = clock.now
        output = seen.pipeline({}, hook=lambda step, *_, **__: heard.append(step), num_speakers=2)
        stages = marks.stages(start, clock.now)
        assert output == ("turns", "turns", 2)
        assert heard == ["segmentation", "segmentation", "speaker_counting", "embeddings"]
        assert (stages.segmentation, stages.embedding, stages.clustering, stages.reconstruction) == (2.0, 8.0, 4.0, 4.0)


class TestScores:
    def test_a_diarization_that_is_right_has_no_error(self, tmp_path, item):
        truth = WorkItem(audio=item.audio, reference=reference(tmp_path, (0, 1, "anna"), (1, 1, "ben")))
        told, _ = run(tmp_path, truth, {"exact": [1.0]})
        scored = told.series[0].measurements[0].score
        assert (scored.der, scored.jer, scored.speakers) == (0.0, 0.0, 2)
        assert told.series[0].speaker_count_accuracy == 1.0

    def test_half_a_second_given_to_the_wrong_speaker_of_two_seconds_is_a_quarter_of_confusion(self, tmp_path):
        turns = (SpeakerTurn(start=0, end=1.5, speaker="a"), SpeakerTurn(start=1.5, end=2, speaker="b"))
        found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
        scored = score(found, reference(tmp_path, (0, 1, "anna"), (1, 1, "ben")), 2.0)
        assert (scored.der, scored.missed, scored.false_alarm) == (pytest.approx(0.25), 0.0, 0.0)
        assert scored.confusion == pytest.approx(0.25)
        assert scored.jer == pytest.approx((1 / 3 + 1 / 2) / 2)

    def test_missed_overlap_counts(self, tmp_path):
        turns = (SpeakerTurn(start=0, end=2, speaker="a"),)
        found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
        assert score(found, reference(tmp_path, (0, 2, "anna"), (1, 1, "ben")), 2.0).der == pytest.approx(1 / 3)

    @pytest.mark.parametrize("text", ["no rttm at all\n", "", "SPEAKER a 1 x y <NA> <NA> z <NA> <NA>\n"])
    def test_a_reference_that_is_no_rttm_is_refused_with_what_a_line_looks_like(self, tmp_path, text):
        path = tmp_path / "odd.rttm"
        path.write_text(text)
        with pytest.raises(UsageError) as refused:
            score(Diarization(uri="two", turns=(), exclusive_turns=()), path, 2.0)
        assert str(path) in refused.value.message
        assert "SPEAKER uri 1 start duration" in refused.value.hint


def test_several_recordings_are_total_over_total():
    told = report(measured_in("a", 10.0, 1.0), measured_in("b", 90.0, 19.0))
    assert told.series[0].real_time_factor == pytest.approx(0.2)
