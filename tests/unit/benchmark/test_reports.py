"""A report round-trips through JSON, and reports of format 1 stay readable."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.benchmarks import measurement, report, scored

from diarize_runner.benchmark.alignment import Alignment, ErrorSeconds
from diarize_runner.benchmark.gpu import Gpu
from diarize_runner.benchmark.measurement import (
    Batch,
    Call,
    Loading,
    Memory,
    MemorySample,
    Score,
    Series,
    Stages,
    Start,
)
from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import Price
from diarize_runner.benchmark.word_errors import WordErrors
from diarize_runner.diarization.turns import SpeakerHints, SpeakerTurn
from diarize_runner.errors import DiskError, ManifestError, UnsupportedFormat

FORMAT_1, FORMAT_2 = (Path(__file__).parents[2] / f"vectors/benchmark/format-{number}.json" for number in (1, 2))


def full_report():
    """Return a report with a value in every field."""
    call = Call(
        seconds=2.0,
        stages=Stages(
            decode=0.1,
            transcription=1.5,
            segmentation=0.5,
            embedding=1.0,
            clustering=0.2,
            reconstruction=0.3,
            write=0.01,
        ),
        memory=Memory(rss=1 << 30, torch_allocated=1 << 20, torch_reserved=1 << 21, device_used=1 << 22),
    )
    measured = replace(
        measurement("a", 10.0),
        audio="sha256:aa",
        hints=SpeakerHints(at_most=4),
        warmups=(call,),
        calls=(call, Call(seconds=3.0)),
        score=Score(
            der=0.1,
            missed=0.05,
            false_alarm=0.03,
            confusion=0.02,
            jer=0.2,
            speakers=2,
            found_speakers=1,
            seconds=ErrorSeconds(speech=8.0, missed=0.4, false_alarm=0.24, confusion=0.16),
            alignment=Alignment(
                scored=((0.0, 4.5), (6.0, 10.0)),
                reference=(SpeakerTurn(start=0.25, end=3.125, speaker="anna"),),
                found=(SpeakerTurn(start=0.1, end=3.0, speaker="SPEAKER_00"),),
                speakers={"SPEAKER_00": "anna"},
            ),
        ),
        words=WordErrors(words=20, substitutions=2, insertions=1, deletions=1),
        rttm="sha256:bb",
        repeatable=True,
        same_as_stock=False,
        memory_over_time=(MemorySample(seconds=0.2, rss=1 << 29),),
    )
    start = Start(loading=Loading(process=0.1, imports=2.0, verify=0.3), uri="a", first_call=call)
    batch = Batch(recordings=4, audio_seconds=40.0, seconds=20.0)
    series = Series(
        engine="exact",
        device="Tesla T4",
        transcriber="tiny.en int8",
        starts=(start,),
        measurements=(measured,),
        batches=(batch,),
    )
    gpu = Gpu(
        name="Tesla T4",
        driver="580.95.05",
        memory_mib="15360",
        sm_clock_mhz="1590",
        max_sm_clock_mhz="1590",
        power_limit_watts="70.00",
        celsius="61",
        throttled="0x0000000000000004",
    )
    full = report(series=(series,), price=Price(usd_per_hour=0.526, source="--price"))
    return replace(full, environment=replace(full.environment, gpu=gpu, instance="g4dn.xlarge", absent={}))


@pytest.mark.parametrize("original", [full_report(), report(measurement("a", 10.0, 1.0))], ids=["full", "minimal"])
def test_a_report_round_trips_through_json(tmp_path, original):
    path = tmp_path / "report.json"
    path.write_bytes(original.to_json())
    assert read_report(path) == original


def test_an_unmeasured_figure_is_null_in_json():
    document = json.loads(report(measurement("a", 10.0, 1.0)).to_json())
    (measured,) = document["series"][0]["measurements"]
    assert set(measured["calls"][0]["stages"].values()) == {None}
    assert measured["reference"] is measured["same_as_stock"] is None
    assert document["series"][0]["usd_per_audio_hour"] is None


def test_json_includes_derived_figures():
    document = json.loads(full_report().to_json())["series"][0]
    assert document["real_time_factor"] == pytest.approx(0.25)
    assert document["times_faster_than_realtime"] == pytest.approx(4.0)
    assert document["seconds_per_audio_hour"] == pytest.approx(900.0)
    assert document["usd_per_1000_audio_hours"] == pytest.approx(131.5)
    assert document["word_error_rate"] == pytest.approx(0.2)
    (measured,) = document["measurements"]
    assert (measured["fastest_seconds"], measured["median_seconds"], measured["slowest_seconds"]) == (2.0, 2.5, 3.0)


def test_a_report_without_transcription_is_still_read(tmp_path):
    document = json.loads(full_report().to_json())
    (series,) = document["series"]
    (measured,) = series["measurements"]
    del series["transcriber"], measured["words"]
    for call in [series["starts"][0]["first_call"], *measured["warmups"], *measured["calls"]]:
        del call["stages"]["transcription"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    (read,) = read_report(tmp_path / "old.json").series
    assert (read.transcriber, read.word_error_rate, read.measurements[0].stages.transcription) == (None, None, None)


def test_a_cold_start_with_a_missing_part_has_no_total():
    (start,) = full_report().series[0].starts
    assert (start.loading.missing, start.seconds) == (("load",), None)


def test_a_report_of_format_1_is_still_read():
    old = read_report(FORMAT_1)
    (series,) = old.series
    assert (series.engine, series.device, old.workload) == ("stock", "cpu", None)
    assert series.real_time_factor == pytest.approx(0.04447310539999307)
    assert series.measurements[0].score == Score(der=0.06215477412731005, speakers=2)
    assert series.measurements[0].calls[0].stages.missing[0] == "decode"
    assert old.environment.absent["gpu"] == "not in reports of format 1"


def test_a_report_of_format_2_is_still_read_and_converted(tmp_path):
    old = read_report(FORMAT_2)
    scored = old.series[0].measurements[0].score
    assert (scored.speakers, scored.found_speakers, scored.seconds, scored.alignment) == (2, None, None, None)
    assert scored.der == pytest.approx(
        json.loads(FORMAT_2.read_text())["series"][0]["measurements"][0]["reference"]["der"]
    )
    (tmp_path / "new.json").write_bytes(old.to_json())
    assert read_report(tmp_path / "new.json") == old
    assert json.loads(old.to_json())["format"] == "diarize-runner/benchmark/3"


def test_json_includes_the_pooled_accuracy(tmp_path):
    accuracy = json.loads(report(*scored(tmp_path)).to_json())["series"][0]["accuracy"]
    assert (accuracy["recordings"], accuracy["right_counts"], accuracy["count_error"]) == (2, 1, 1)
    assert accuracy["der"] == pytest.approx(0.4)
    assert accuracy["der_interval"] == pytest.approx([0.25, 1.0])


def alignment_of(document):
    return document["series"][0]["measurements"][0]["reference"]["alignment"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda document: document.update(format="diarize-runner/benchmark/9"), "neither diarize-runner/benchmark/3"),
        (lambda document: document.pop("format"), "not a benchmark report"),
        (lambda document: document["series"][0].pop("engine"), r"missing key 'engine' in 'series\[0\]'"),
        (
            lambda document: document["series"][0]["measurements"][0]["calls"][0].update(seconds="soon"),
            r"expected a number, not str in 'series\[0\]\.measurements\[0\]\.calls\[0\]\.seconds'",
        ),
        (
            lambda document: alignment_of(document)["found"].append([2.0, 1.0, "SPEAKER_01"]),
            r"expected \[start, end, speaker\], in seconds in 'series\[0\].*\.reference\.alignment\.found\[1\]'",
        ),
        (
            lambda document: alignment_of(document)["found"].append([1.0, 2.0]),
            r"expected \[start, end, speaker\], in seconds in",
        ),
        (
            lambda document: alignment_of(document).update(found=[[0.0, 9.0, f"S{at}"] for at in range(1001)]),
            r"1,001 speakers; the limits are 100,000 and 1,000 in 'series\[0\].*\.reference\.alignment\.found'",
        ),
        (
            lambda document: alignment_of(document)["scored"].append([10.0, 9.0]),
            r"expected \[start, end\], in seconds in",
        ),
        (
            lambda document: document["series"][0]["measurements"][0]["reference"]["seconds"].update(speech=1e-300),
            "1e-300 s is not a valid duration in",
        ),
    ],
)
def test_an_invalid_report_is_refused_with_the_path(tmp_path, change, problem):
    document = json.loads(full_report().to_json())
    change(document)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ManifestError, match=problem):
        read_report(path)


def test_the_hint_for_a_newer_format_names_a_newer_release(tmp_path):
    path = tmp_path / "report.json"
    path.write_text('{"format": "diarize-runner/benchmark/9"}')
    with pytest.raises(UnsupportedFormat) as refused:
        read_report(path)
    assert "newer release" in refused.value.hint


def test_a_missing_report_is_a_disk_error(tmp_path):
    with pytest.raises(DiskError):
        read_report(tmp_path / "none.json")
