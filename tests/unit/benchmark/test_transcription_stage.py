"""A benchmark that transcribes: its stage, its word errors, and its tables."""

from dataclasses import replace

import pytest
from support import transcription
from support.benchmarks import Clock, ScriptedDiarizer, measurement, report, write_two_seconds

from diarize_runner.benchmark.folder import read_folder
from diarize_runner.benchmark.formats.readme import summary_table
from diarize_runner.benchmark.formats.tables import tables
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Stages
from diarize_runner.benchmark.timed_call import TimedDiarizer
from diarize_runner.benchmark.word_errors import WordErrors, count_word_errors
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.errors import TranscriptError, UsageError
from diarize_runner.transcript.model import Segment, Transcript
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

WORDS = WordErrors(words=20, substitutions=2, insertions=1, deletions=1)


@pytest.fixture
def stm(tmp_path):
    """Return a function that writes what was said."""

    def write(*texts):
        path = tmp_path / "spoken.stm"
        path.write_text("".join(f"two 1 anna {at} {at + 1} <O> {text}\n" for at, text in enumerate(texts)))
        return path

    return write


def transcript(text):
    return Transcript(segments=(Segment(start=0.0, end=1.0, text=text),))


class TestWordErrors:
    def test_ignore_case_and_punctuation(self, stm):
        found = count_word_errors(
            transcript(" Well, HELLO there - Anna-Maria?"), stm("well hello there", "Anna Maria.")
        )
        assert found == WordErrors(words=5, substitutions=0, insertions=0, deletions=0)

    def test_count_substitutions_insertions_and_deletions(self, stm):
        found = count_word_errors(transcript("a x c d e e"), stm("a b c d e f g"))
        assert (found.words, found.errors) == (7, 3)
        assert found.rate == pytest.approx(3 / 7)

    def test_of_an_empty_transcript_are_all_words(self, stm):
        found = count_word_errors(Transcript(segments=()), stm("one two"))
        assert found == WordErrors(words=2, substitutions=0, insertions=0, deletions=2)

    def test_need_a_reference_with_words(self, stm):
        with pytest.raises(UsageError, match="has no words"):
            count_word_errors(transcript("a"), stm("..."))

    def test_need_a_readable_reference(self, tmp_path):
        (tmp_path / "spoken.stm").write_bytes(b"\0\1\2")
        with pytest.raises(TranscriptError):
            count_word_errors(transcript("a"), tmp_path / "spoken.stm")


class TestACallThatTranscribes:
    @pytest.fixture
    def timed(self, tmp_path):
        diarizer = ScriptedDiarizer(Clock(), [1.0])
        cache = transcription.verified(tmp_path / "site")
        options = TranscriptionOptions(device="cpu")
        with Transcriber(cache, options, child=transcription.FAKE) as transcriber:
            yield TimedDiarizer(
                diarizer=diarizer, stage_timer=diarizer.stage_timer, folder=tmp_path, transcriber=transcriber
            )

    def test_times_it_and_labels_and_writes_the_transcript(self, timed, tmp_path):
        result = timed.run(WorkItem(audio=write_two_seconds(tmp_path), reference=None))
        assert result.transcriber == "Systran/faster-whisper-tiny.en int8"
        assert [segment.text for segment in result.transcript.segments] == [" peak 0.00"]
        assert result.call.stages.transcription > 0
        assert result.call.stages.label is not None
        assert "peak 0.00" in (tmp_path / "two.json").read_text()


@pytest.fixture
def transcribed():
    """A report of 10 s of audio, transcribed in 2 s."""
    (series,) = report(measurement("a", 10.0, 1.0)).series
    (measured,) = series.measurements
    calls = tuple(replace(call, stages=Stages(transcription=2.0)) for call in measured.calls)
    measured = replace(measured, calls=calls, words=WORDS)
    return report(series=(replace(series, transcriber="tiny.en int8", measurements=(measured,)),))


def test_the_tables_of_a_report_have_time_and_word_errors(transcribed):
    (table,) = (each for each in tables(transcribed) if each.title == "Transcription")
    (row,) = table.rows
    assert row[2:] == ("tiny.en int8", "2.00 s", "0.200", "20.0 %", "2, 1, 1 of 20")


def test_the_table_of_a_document_has_time_and_word_errors(transcribed):
    table = summary_table(transcribed)
    assert table.headings[-3:] == ("transcription (median)", "RTF of transcription", "WER")
    assert table.rows[0][-3:] == ("2.00 s", "0.200", "20.0 %")
    assert "Transcribed with tiny.en int8." in table.note


def test_the_summary_has_time_and_word_errors(transcribed):
    caption = str(summary(transcribed).caption)
    assert "transcribed in 2.00 s, RTF 0.200, WER 20.0 % of 20 words" in caption
    assert "Transcribed with tiny.en int8." in caption


def test_tables_without_transcription_have_no_such_columns():
    without = report(measurement("a", 10.0, 1.0))
    assert "WER" not in summary_table(without).headings
    assert "Transcription" not in [table.title for table in tables(without)]
    assert "transcribed" not in str(summary(without).caption)


def test_a_folder_may_hold_what_was_said_beside_each_recording(tmp_path):
    for name in ("with", "without"):
        write_two_seconds(tmp_path, name)
        (tmp_path / f"{name}.rttm").write_text(f"SPEAKER {name} 1 0 1 <NA> <NA> anna <NA> <NA>\n")
    (tmp_path / "with.stm").write_text("with 1 anna 0 1 <O> hello\n")
    assert [item.spoken for item in read_folder(tmp_path)] == [tmp_path / "with.stm", None]
