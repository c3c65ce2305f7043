"""The benchmark's loop and its report, by a clock that the test turns."""

import json
import wave
from itertools import count

import pytest

from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.report import BenchmarkReport, Measurement, Score
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.workload import WorkItem
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import UsageError
from diarize_runner.progress import Silent


class ScriptedDiarizer:
    """Takes as long as its script says, on the clock it shares with the test."""

    def __init__(self, seconds: list[float]) -> None:
        self._script, self.now, self.device = iter(seconds), 100.0, "cpu"

    def clock(self) -> float:
        return self.now

    def synchronise(self) -> None:
        """Nothing waits."""

    def diarize(self, recording, hints, progress) -> Diarization:
        self.now += next(self._script)
        turns = (
            SpeakerTurn(start=0.0, end=1.0, speaker="SPEAKER_00"),
            SpeakerTurn(start=1.0, end=2.0, speaker="SPEAKER_01"),
        )
        return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)


@pytest.fixture
def two_seconds(tmp_path):
    path = tmp_path / "two.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 32_000)
    return path


def rttm(tmp_path, *turns: tuple[float, float, str]):
    path = tmp_path / "reference.rttm"
    path.write_text(
        "".join(f"SPEAKER two 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n" for start, length, who in turns)
    )
    return path


def test_the_realtime_factor_is_the_median_call_over_the_audio_and_warm_ups_do_not_count(two_seconds):
    diarizer = ScriptedDiarizer([50.0, 0.5, 0.25, 4.0])
    item = WorkItem(audio=two_seconds, reference=None)
    measured = measure(item, diarizer, warmups=1, repeats=3, progress=Silent(), clock=diarizer.clock)
    assert measured.warmup_seconds == (50.0,)
    assert measured.processing_seconds == (0.5, 0.25, 4.0)
    assert measured.real_time_factor == pytest.approx(0.25)
    assert (measured.speakers, measured.score) == (2, None)


def test_a_diarization_that_is_right_has_no_error(two_seconds, tmp_path):
    diarizer = ScriptedDiarizer([1.0])
    item = WorkItem(audio=two_seconds, reference=rttm(tmp_path, (0, 1, "anna"), (1, 1, "ben")))
    measured = measure(item, diarizer, warmups=0, repeats=1, progress=Silent(), clock=diarizer.clock)
    assert measured.score == Score(der=0.0, speakers=2)


def test_half_a_second_given_to_the_wrong_speaker_of_two_seconds_is_a_quarter(tmp_path):
    turns = (SpeakerTurn(start=0, end=1.5, speaker="a"), SpeakerTurn(start=1.5, end=2, speaker="b"))
    found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
    assert score(found, rttm(tmp_path, (0, 1, "anna"), (1, 1, "ben")), 2.0).der == pytest.approx(0.25)


def test_missed_overlap_counts(tmp_path):
    turns = (SpeakerTurn(start=0, end=2, speaker="a"),)
    found = Diarization(uri="two", turns=turns, exclusive_turns=turns)
    assert score(found, rttm(tmp_path, (0, 2, "anna"), (1, 1, "ben")), 2.0).der == pytest.approx(1 / 3)


@pytest.mark.parametrize("text", ["no rttm at all\n", "", "SPEAKER a 1 x y <NA> <NA> z <NA> <NA>\n"])
def test_a_reference_that_is_no_rttm_is_refused_with_what_a_line_looks_like(tmp_path, text):
    path = tmp_path / "odd.rttm"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        score(Diarization(uri="two", turns=(), exclusive_turns=()), path, 2.0)
    assert str(path) in refused.value.message
    assert "SPEAKER uri 1 start duration" in refused.value.hint


def test_a_report_is_total_over_total_and_goes_into_json():
    numbers = count(1)
    environment = Environment(
        cpu="x", cpu_count=2, device="cpu", threads=2, system="Linux", python="3.11", packages={"torch": "2.11.0"}
    )
    measurements = tuple(
        Measurement(
            uri=f"r{next(numbers)}",
            audio_seconds=audio,
            warmup_seconds=(),
            processing_seconds=(spent,),
            speakers=1,
            score=None,
        )
        for audio, spent in ((10.0, 1.0), (90.0, 19.0))
    )
    report = BenchmarkReport(environment=environment, cache="embedded 1.0", engine="exact", measurements=measurements)
    assert report.real_time_factor == pytest.approx(0.2)
    document = json.loads(json.dumps(report.to_dict()))
    assert document["format"] == "diarize-runner/benchmark/1"
    assert [each["real_time_factor"] for each in document["measurements"]] == pytest.approx([0.1, 19 / 90])
