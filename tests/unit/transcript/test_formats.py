import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.formats import json as json_format
from diarize_runner.transcript.formats import rttm, srt, whisperlive
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, WHISPERLIVE
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript
from diarize_runner.transcript.read import parse

ALL_FORMATS = {**FORMATS, "whisperlive": WHISPERLIVE}
GOLDEN = Path(__file__).parents[2] / "golden" / "transcript"


def make_transcript(*segments):
    """Return a transcript of (start, end, text, speaker) tuples."""
    segments = tuple(LabelledSegment(start=a, end=b, text=text, speaker=speaker) for a, b, text, speaker in segments)
    return LabelledTranscript(uri="talk", segments=segments, diarization=make_diarization())


def make_diarization(*turns, uri="talk"):
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in turns)
    return Diarization(uri=uri, turns=turns, exclusive_turns=turns)


def render_json(transcript):
    return json.loads(json_format.render(Document(transcript=transcript)))


@pytest.mark.parametrize("kind", ALL_FORMATS)
def test_a_meeting_matches_its_golden_file(meeting, kind):
    written, golden = (
        ALL_FORMATS[kind].render(meeting),
        GOLDEN / f"meeting{'.whisperlive' * (kind == 'whisperlive')}{ALL_FORMATS[kind].suffix}",
    )
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(written, encoding="utf-8")
    assert written == golden.read_text(encoding="utf-8")


def test_the_sample_matches_its_golden_file(labelled_sample):
    assert srt.render(labelled_sample) == (GOLDEN / "sample.srt").read_text(encoding="utf-8")
    assert rttm.render(labelled_sample.diarization) == (GOLDEN / "sample.rttm").read_text(encoding="utf-8")


def test_json_has_the_keys_of_the_whisperlive_guide(exchange):
    document, guide = render_json(exchange), json.loads(whisperlive.render(exchange))
    assert guide == {
        "segments": [
            {"start": "0.000", "end": "2.500", "text": "Hello", "speaker": "SPEAKER_00"},
            {"start": "2.500", "end": "5.000", "text": "Hi there", "speaker": "SPEAKER_01"},
        ],
        "speakers": ["SPEAKER_00", "SPEAKER_01"],
        "diarization": [
            {"start": 0.0, "end": 2.8, "speaker": "SPEAKER_00"},
            {"start": 2.5, "end": 5.2, "speaker": "SPEAKER_01"},
        ],
    }
    assert (document["format"], document["warnings"]) == ("diarize-runner/transcript/2", [])
    assert (document["speakers"], document["diarization"]) == (guide["speakers"], guide["diarization"])
    for basic, full in zip(guide["segments"], document["segments"], strict=True):
        numbers = {"start": float(basic["start"]), "end": float(basic["end"])}
        assert {**basic, **numbers}.items() <= full.items()


def test_json_of_format_1_has_the_times_of_segments_as_strings_and_is_read_the_same(exchange):
    first, second = (
        render(Document(transcript=exchange)) for render in (json_format.render_format_1, json_format.render)
    )
    assert json.loads(first)["format"] == "diarize-runner/transcript/1"
    assert [(each["start"], each["end"]) for each in json.loads(first)["segments"]] == [
        ("0.000", "2.500"),
        ("2.500", "5.000"),
    ]
    assert [(each["start"], each["end"]) for each in json.loads(second)["segments"]] == [(0.0, 2.5), (2.5, 5.0)]
    assert parse(first) == parse(second)
    assert parse(second).recording == "call"


def test_json_has_the_warnings(exchange):
    document = render_json(replace(exchange, warnings=("the transcript ends early",)))
    assert document["warnings"] == ["the transcript ends early"]


def test_json_has_overlaps_and_statistics(exchange):
    document = render_json(exchange)
    assert document["overlaps"] == [{"start": 2.5, "end": 2.8, "speakers": ["SPEAKER_00", "SPEAKER_01"]}]
    assert document["exclusive_diarization"][0] == {"start": 0.0, "end": 2.5, "speaker": "SPEAKER_00"}
    assert document["statistics"] == [
        {
            "speaker": "SPEAKER_00",
            "seconds": 2.8,
            "share": 0.509,
            "turns": 1,
            "longest": 2.8,
            "overlapped": 0.3,
            "words": 1,
        },
        {
            "speaker": "SPEAKER_01",
            "seconds": 2.7,
            "share": 0.491,
            "turns": 1,
            "longest": 2.7,
            "overlapped": 0.3,
            "words": 2,
        },
    ]


def test_json_has_timed_words_and_attributions(meeting):
    first, second, *_ = json.loads(json_format.render(meeting))["segments"]
    attribution = {"how": "overlap", "share": 1.0, "also": []}
    assert first["words"][1] == {
        "start": 1.1,
        "end": 1.4,
        "word": " we",
        "speaker": "SPEAKER_00",
        "attribution": attribution,
        "interpolated": True,
    }
    assert "interpolated" not in first["words"][0]
    assert second["attribution"] == {"how": "overlap", "share": 0.91, "also": ["SPEAKER_00"]}
    assert "words" not in second


def test_json_has_the_provenance(meeting):
    assert json.loads(json_format.render(meeting))["provenance"] == {
        "tool": "diarize-runner 0.0",
        "cache": {
            "name": "tiny",
            "version": "1.0",
            "manifest": f"sha256:{'1' * 64}",
            "requirements": f"sha256:{'2' * 64}",
        },
        "engine": "exact",
        "difference_from_stock": "none: the output is that of stock pyannote",
        "device": "cpu",
        "packages": {"torch": "2.0"},
        "audio": {"digest": f"sha256:{'3' * 64}", "seconds": 30.0},
        "transcript": {"digest": f"sha256:{'4' * 64}"},
        "min_speakers": 2,
    }


def test_whisperlive_json_has_unknown_for_a_missing_speaker():
    guide = json.loads(whisperlive.render(make_transcript((0, 1, "Eh?", None), (1, 2, "Ah!", "A"))))
    assert [segment["speaker"] for segment in guide["segments"]] == ["UNKNOWN", "A"]
    assert guide["speakers"] == ["A", "UNKNOWN"]


def test_json_rounds_times_to_the_millisecond():
    transcript = LabelledTranscript(
        uri="talk",
        segments=(LabelledSegment(start=0.99951, end=2.00049, text="", speaker=None),),
        diarization=make_diarization((0.0309687, 1.99999, "A")),
    )
    document = render_json(transcript)
    assert document["segments"][0]["start"] == 1.0
    assert document["segments"][0]["end"] == 2.0
    assert document["diarization"] == [{"start": 0.031, "end": 2.0, "speaker": "A"}]


def test_json_has_null_for_a_missing_speaker():
    assert render_json(make_transcript((0, 1, "Eh?", None)))["segments"][0]["speaker"] is None


def test_json_without_a_transcript_has_the_diarization_and_no_segments():
    transcript = LabelledTranscript(uri="talk", segments=(), diarization=make_diarization((0, 1, "A")))
    document = render_json(transcript)
    assert document["segments"] == []
    assert document["speakers"] == ["A"]
    assert document["diarization"] == document["exclusive_diarization"] == [{"start": 0, "end": 1, "speaker": "A"}]


@given(st.text(), st.text())
def test_json_keeps_every_text_and_name(text, speaker):
    (segment,) = render_json(make_transcript((0, 1, text, speaker)))["segments"]
    assert (segment["text"], segment["speaker"]) == (text, speaker)


def test_srt_matches_the_whisperlive_guide(exchange):
    assert srt.render(exchange) == (
        "1\n00:00:00,000 --> 00:00:02,500\n[SPEAKER_00] Hello\n\n"
        "2\n00:00:02,500 --> 00:00:05,000\n[SPEAKER_01] Hi there\n"
    )


@pytest.mark.parametrize(
    ("seconds", "timestamp"),
    [
        (0, "00:00:00,000"),
        (0.0004, "00:00:00,000"),
        (0.0006, "00:00:00,001"),
        (0.9994, "00:00:00,999"),
        (0.9996, "00:00:01,000"),
        (59.9999, "00:01:00,000"),
        (3599.9996, "01:00:00,000"),
        (3661.5, "01:01:01,500"),
        (359999.9996, "100:00:00,000"),
    ],
)
def test_srt_rounds_times_before_the_split_into_fields(seconds, timestamp):
    assert f"{timestamp} --> {timestamp}" in srt.render(make_transcript((seconds, seconds, "Hello", None)))


@given(st.floats(0, 1e6))
def test_srt_timestamps_are_exact_to_half_a_millisecond(seconds):
    stamp = srt.render(make_transcript((seconds, seconds, "Hello", None))).splitlines()[1].split(" --> ")[0]
    hours, minutes, rest = stamp.split(":")
    whole, milliseconds = rest.split(",")
    assert (len(minutes), len(whole), len(milliseconds)) == (2, 2, 3)
    read_back = int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(milliseconds) / 1000
    assert read_back == pytest.approx(seconds, abs=0.0005 + 1e-9)


def test_srt_numbers_cues_by_time_and_omits_empty_texts():
    transcript = make_transcript((5, 6, " second", "A"), (3, 4, " \n", "B"), (1, 2, "first", None))
    assert srt.render(transcript) == (
        "1\n00:00:01,000 --> 00:00:02,000\nfirst\n\n2\n00:00:05,000 --> 00:00:06,000\n[A] second\n"
    )


def test_srt_keeps_a_text_with_blank_lines_in_one_cue():
    assert srt.render(make_transcript((0, 1, "one\n\ntwo\u2028three", "A"))).splitlines()[2:] == ["[A] one two three"]


def test_srt_has_an_arrow_only_in_the_line_of_times():
    assert srt.render(make_transcript((0, 1, "a --> b ---> c", "x\n-->"))).splitlines()[2:] == ["[x ->] a -> b -> c"]


def test_srt_without_segments_is_empty():
    assert srt.render(make_transcript()) == ""


def test_rttm_is_identical_to_that_of_pyannote(sample):
    original = (sample / "sample.rttm").read_text()
    lines = [line.split() for line in original.splitlines()]
    turns = [
        (float(start), float(start) + float(length), speaker) for _, _, _, start, length, _, _, speaker, *_ in lines
    ]
    assert rttm.render(make_diarization(*turns, uri="sample")) == original


def test_pyannote_reads_every_turn_back(tmp_path, meeting):
    util = pytest.importorskip("pyannote.database.util")
    path = tmp_path / "meeting.rttm"
    path.write_text(rttm.render(meeting.transcript.diarization), encoding="utf-8")
    read = util.load_rttm(path)["meeting"].itertracks(yield_label=True)
    turns = [(round(segment.start, 3), round(segment.end, 3), speaker) for segment, _, speaker in read]
    assert turns == [(turn.start, turn.end, turn.speaker) for turn in meeting.transcript.diarization.turns]


def test_rttm_names_contain_no_whitespace():
    assert rttm.render(make_diarization((0.0309687, 1.99999, "Ann Lee"), (2, 2, ""), uri="my\u00a0talk\t1")) == (
        "SPEAKER my_talk_1 1 0.031 1.969 <NA> <NA> Ann_Lee <NA> <NA>\n"
        "SPEAKER my_talk_1 1 2.000 0.000 <NA> <NA> <NA> <NA> <NA>\n"
    )


@given(st.text(), st.text())
def test_rttm_lines_always_have_ten_fields(uri, speaker):
    (line,) = rttm.render(make_diarization((0, 1, speaker), uri=uri)).splitlines()
    assert len(line.split()) == 10
