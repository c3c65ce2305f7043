"""INPUT: a folder, a bucket, or a list; with transcripts and hints."""

import json

import pytest

from diarize_runner.batch.manifest import RecordingList
from diarize_runner.batch.source import InputSource
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import ManifestError, ObjectNotFound, UsageError

SRT = b"1\n00:00:00,000 --> 00:00:00,100\nHello.\n"


def listed(batch, lines):
    """Return the recordings of a list beside those of the batch."""
    path = batch.folder / "in/calls.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return list(InputSource.of(str(path), base=None, transcripts=None).recordings())


def test_a_list_names_recordings_with_hints_and_transcripts(local_batch):
    for key in ("a.wav", "b/c.wav", "d.wav"):
        local_batch.add(key)
    local_batch.add("b/c.txt.srt", SRT)
    lines = [{"key": "a.wav", "num_speakers": 2}, {"key": "b/c.wav", "transcript": "b/c.txt.srt"}]
    a, c = listed(local_batch, lines)
    assert (a.key, a.hints, a.transcript) == ("a.wav", SpeakerHints(exactly=2), None)
    assert (c.key, c.hints, c.transcript.key) == ("b/c.wav", None, "b/c.txt.srt")


def test_hints_of_a_list_reach_the_diarizer_and_name_another_result(local_batch):
    local_batch.add("a.wav")
    recordings = listed(local_batch, [{"key": "a.wav", "min_speakers": 2, "max_speakers": 3}])
    local_batch.run()
    local_batch.run(recordings)
    assert local_batch.diarizer.hints == [SpeakerHints(), SpeakerHints(at_least=2, at_most=3)]
    assert len(local_batch.results()) == 2


def test_the_base_of_a_list_can_be_another_folder(local_batch, tmp_path):
    local_batch.add("a.wav")
    path = tmp_path / "elsewhere.jsonl"
    path.write_text('{"key": "a.wav"}\n')
    source = InputSource.of(str(path), base=local_batch.plan.source.base, transcripts=None)
    assert [recording.key for recording in source.recordings()] == ["a.wav"]


def test_a_list_of_a_missing_recording_yields_the_others_first(local_batch):
    local_batch.add("a.wav")
    (local_batch.folder / "in/l.jsonl").write_text('{"key": "a.wav"}\n{"key": "gone.wav"}\n')
    found = InputSource.of(str(local_batch.folder / "in/l.jsonl"), base=None, transcripts=None).recordings()
    assert next(found).key == "a.wav"
    with pytest.raises(ObjectNotFound, match=r"gone\.wav"):
        next(found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1: not a JSON document"),
        ("[]", "line 1"),
        ('{"file": "a"}', "missing key 'key'"),
        ('{"key": "a", "speakers": 2}', "unknown key 'speakers'"),
        ('{"key": ""}', "'key'"),
        ('{"key": "a", "num_speakers": 0}', "number of speakers"),
        ('{"key": "a", "min_speakers": 3, "max_speakers": 2}', "number of speakers"),
        ('{"key": "a", "num_speakers": 2, "min_speakers": 2}', "excludes"),
        ('{"key": "a"}\n{"key": "a"}', "listed twice"),
    ],
)
def test_an_invalid_list_is_refused_with_its_line(line, problem):
    with pytest.raises(ManifestError, match=problem):
        RecordingList.parse(line.encode(), "calls.jsonl")


def test_a_base_without_a_list_is_refused():
    with pytest.raises(UsageError, match="--base"):
        InputSource.of("/recordings", base="/elsewhere", transcripts=None)


@pytest.mark.parametrize("name", ["a.srt", "a.wav.srt"])
def test_a_transcript_of_the_recordings_name_is_labelled(local_batch, tmp_path, name):
    local_batch.add("x/a.wav")
    (tmp_path / "texts/x").mkdir(parents=True)
    (tmp_path / "texts/x" / name).write_bytes(SRT)
    source = InputSource.of(local_batch.plan.source.base, base=None, transcripts=str(tmp_path / "texts"))
    plan = {"source": source, "formats": ("srt",)}
    local_batch.run(**plan)
    (key,) = local_batch.results(".srt")
    assert b"SPEAKER_00" in local_batch.output.read(key).data


def test_json_comes_before_other_transcripts_of_one_name(local_batch, tmp_path):
    local_batch.add("a.wav")
    (tmp_path / "texts").mkdir()
    for suffix in ("vtt", "json", "srt"):
        (tmp_path / f"texts/a.{suffix}").write_bytes(SRT)
    source = InputSource.of(local_batch.plan.source.base, base=None, transcripts=str(tmp_path / "texts"))
    assert [each.transcript.key for each in source.recordings()] == ["a.json"]


def test_a_broken_transcript_fails_for_good(local_batch, tmp_path):
    local_batch.add("a.wav")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.json").write_bytes(b"{")
    source = InputSource.of(local_batch.plan.source.base, base=None, transcripts=str(tmp_path / "texts"))
    (failed,) = local_batch.run(source=source)
    assert not failed.will_be_tried_again


def test_formats_of_a_transcript_are_left_out_without_one(local_batch):
    local_batch.add("a.wav")
    local_batch.run(formats=("srt", "rttm"))
    assert (len(local_batch.results(".srt")), len(local_batch.results(".rttm"))) == (0, 1)


def test_an_address_is_kept_and_a_path_becomes_one(tmp_path):
    assert InputSource.of("s3://b/p", base=None, transcripts=None).base == "s3://b/p"
    assert InputSource.of(str(tmp_path), base=None, transcripts=None).base == tmp_path.as_uri()
    source = InputSource.of("s3://b/p/l.jsonl", base=None, transcripts="s3://t/q")
    assert (source.base, source.listed, source.transcripts) == ("s3://b/p", "s3://b/p/l.jsonl", "s3://t/q")
    assert InputSource.decode(source.encode(), "x") == source
