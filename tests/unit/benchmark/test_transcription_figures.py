"""The benchmark of transcription: its recordings, its utterances, its arithmetic and its tables."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.benchmarks import write_two_seconds

from benchmarks.transcription import __main__ as benchmark
from benchmarks.transcription.accuracy import Labelled, rows
from benchmarks.transcription.commands import Command, measure_commands
from benchmarks.transcription.memory import Peaks, descendants, measure_memory
from benchmarks.transcription.page import refresh
from benchmarks.transcription.recordings import read_folder, repeat, sample, write_repeated
from benchmarks.transcription.speed import describe
from benchmarks.transcription.words import by_segments, by_words, count_words, total_rate
from diarize_runner.diarization.audio import decode
from diarize_runner.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs/benchmarks.md"


def word(text, start, speaker=None):
    return {"word": text, "start": start, "end": start + 0.5, **({"speaker": speaker} if speaker else {})}


LABELLED = {
    "segments": [
        {
            "start": 0.0,
            "end": 3.0,
            "text": " Hello there. Hi!",
            "speaker": "A",
            "words": [word(" Hello", 0.0, "A"), word(" there.", 1.0, "A"), word(" Hi!", 2.0, "B")],
        },
        {
            "start": 3.0,
            "end": 5.0,
            "text": "Well, yes",
            "speaker": "B",
            "words": [word("Well,", 3.0), word("yes", 4.0, "B")],
        },
        {"start": 5.0, "end": 6.0, "text": "Bye."},
    ]
}


class TestUtterances:
    def test_a_segment_belongs_to_its_speaker(self):
        assert [(each["speaker"], each["words"]) for each in by_segments(LABELLED)] == [
            ("A", "Hello there. Hi!"),
            ("B", "Well, yes"),
            (None, "Bye."),
        ]

    def test_a_run_of_words_belongs_to_their_speaker(self):
        assert [(each["speaker"], each["words"]) for each in by_words(LABELLED)] == [
            ("A", "Hello there."),
            ("B", "Hi!"),
            (None, "Well,"),
            ("B", "yes"),
        ]

    def test_a_run_lasts_from_its_first_word_to_its_last(self):
        assert [(each["start_time"], each["end_time"]) for each in by_words(LABELLED)[:2]] == [(0.0, 1.5), (2.0, 2.5)]

    def test_words_without_a_speaker_are_counted(self):
        assert count_words(LABELLED) == (5, 1)


def test_the_rate_of_several_recordings_weighs_each_word_alike():
    assert total_rate([{"errors": 1, "words": 10}, {"errors": 1, "words": 90}]) == 2.0


def test_a_row_is_over_all_recordings_of_a_batch_size():
    def labelled(batch_size):
        return Labelled(recording=sample(), batch_size=batch_size, by_program={"run": LABELLED, "whisperx": LABELLED})

    def score(errors):
        metrics = {metric: {"errors": errors, "words": 10} for metric in ("wer", "cpwer", "tcpwer")}
        return {f"{program} {view}": metrics for program in ("run", "whisperx") for view in ("segments", "words")}

    made = [*rows([labelled(1), labelled(8), labelled(8)], [score(9), score(1), score(2)])]
    assert [(row["batch_size"], row["labelled_by"], row["speakers_of"], row["cpwer"]) for row in made] == [
        *((1, program, view, 90.0) for program in ("run", "whisperx") for view in ("segments", "words")),
        *((8, program, view, 15.0) for program in ("run", "whisperx") for view in ("segments", "words")),
    ]
    assert [(row["words"], row["words_without_speaker"]) for row in made] == [(5, 1)] * 4 + [(10, 2)] * 4


def test_a_time_is_the_median_of_the_rounds():
    assert describe({"diarization": [9.0, 1.0, 2.0]}, 100.0) == {
        "diarization": {"seconds": [9.0, 1.0, 2.0], "median_seconds": 2.0, "rtf": 0.02}
    }


class TestRecordings:
    def test_a_recording_has_its_reference_beside_it(self, tmp_path):
        write_two_seconds(tmp_path)
        (tmp_path / "two.stm").write_text("two 1 anna 0 1 Hello\n")
        (found,) = read_folder(tmp_path)
        assert (found.audio, found.reference) == (tmp_path / "two.wav", tmp_path / "two.stm")

    def test_a_recording_without_a_reference_is_refused(self, tmp_path):
        write_two_seconds(tmp_path)
        with pytest.raises(UsageError, match=r"two\.wav has no reference"):
            read_folder(tmp_path)

    def test_an_empty_folder_is_refused_with_a_hint(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["transcription", "--recordings", str(tmp_path)])
        with pytest.raises(SystemExit, match=r"error: .* holds no recording\nhint: put NAME\.wav"):
            benchmark.main()

    def test_the_sample_has_the_reference_of_our_vectors(self):
        assert sample().reference.read_bytes() == (ROOT / "tests/vectors/pyannote-sample/sample.stm").read_bytes()

    def test_a_recording_is_repeated_to_the_duration(self, tmp_path):
        write_two_seconds(tmp_path)
        once, long = decode(tmp_path / "two.wav"), repeat(tmp_path / "two.wav", 5.0)
        assert long.duration == 6.0
        assert np.array_equal(long.waveform[-len(once.waveform) :], once.waveform)

    def test_the_repeated_recording_is_written(self, tmp_path):
        write_two_seconds(tmp_path)
        path, seconds = write_repeated(tmp_path / "two.wav", 3.0, tmp_path)
        assert decode(path).duration == seconds == 4.0


def command(folder, code):
    return Command(words=(sys.executable, "-c", code, folder / "out/done"), written=folder / "out/done")


WRITE = "import sys, pathlib; path = pathlib.Path(sys.argv[1]); path.parent.mkdir(); path.touch()"


class TestCommands:
    def test_they_alternate(self, tmp_path):
        order = tmp_path / "order"
        note = f"open({str(order)!r}, 'a').write('{{}}'); {WRITE}"
        commands = {name: command(tmp_path, note.format(name)) for name in "ab"}
        found = measure_commands(commands, 10.0, 3)
        assert (order.read_text(), [len(each["seconds"]) for each in found.values()]) == ("abbaab", [3, 3])

    @pytest.mark.parametrize("code", ["print('no such model'); exit(1)", "print('no such model')"])
    def test_one_that_writes_nothing_ends_the_benchmark(self, tmp_path, code):
        with pytest.raises(SystemExit, match="no such model"):
            measure_commands({"broken": command(tmp_path, code)}, 10.0, 1)


class TestMemory:
    def test_all_processes_of_a_command_are_those_below_it(self):
        assert sorted(descendants(2, {1: 0, 2: 1, 3: 2, 4: 3, 5: 1})) == [2, 3, 4]

    def test_the_peak_is_of_one_time(self):
        peaks = Peaks()
        peaks.add({1: 5, 2: 1}, 1)
        peaks.add({1: 2, 2: 3}, 3)
        assert (peaks.together, peaks.of_child, peaks.processes) == (6, 3, {1, 2})

    def test_the_child_is_measured_apart(self, tmp_path):
        child = "import time; data = bytearray(100 << 20); time.sleep(1)"
        marked = f"subprocess.run([sys.executable, '-c', {child!r}, 'diarize_runner.transcription.child'], check=True)"
        found = measure_memory(command(tmp_path, f"import subprocess; {WRITE}; {marked}"))
        assert found["processes"] == 2
        assert 100 << 20 < found["child_peak_bytes"] < found["together_peak_bytes"] < 300 << 20


class TestTables:
    def test_a_document_gets_those_of_its_report(self, tmp_path):
        (tmp_path / "r.json").write_text(json.dumps(REPORT))
        updated = refresh("<!-- transcription r.json -->\nold\n<!-- end of transcription -->\n", tmp_path)
        assert "| batches of 8 | run | words | 11.5 % | 20.7 % | 21.8 % | 0 of 82 |" in updated
        assert "| one after the other | 12.1 s | 0.134 |" in updated
        assert "| whisperx | 50.0 s | 1 | 11.5 % | 60.0 % | 70.0 % |" in updated
        assert "| 300 MB | 1,200 MB |" in updated
        assert refresh(updated, tmp_path) == updated

    def test_those_of_the_documents_match_their_reports(self):
        text = DOCUMENT.read_text(encoding="utf-8")
        assert "<!-- transcription " in text
        assert refresh(text, DOCUMENT.parent) == text, "run: python -m benchmarks.transcription.page docs/benchmarks.md"


RATES = {"wer": 11.5, "cpwer": 20.7, "tcpwer": 21.8}
REPORT = {
    "date": "2026-11-29T01:02:03+00:00",
    "environment": {"cpu": "a CPU", "cpu_count": 2},
    "cache": "embedded 1.0 sha256:00",
    "model": "tiny.en",
    "engine": "fast",
    "recordings": [{"name": "sample.wav", "seconds": 30.0}],
    "accuracy": [
        {
            "batch_size": 8,
            "labelled_by": "run",
            "speakers_of": "words",
            "words": 82,
            "words_without_speaker": 0,
            **RATES,
        }
    ],
    "speed": {
        "audio_seconds": 90.0,
        "ways": {"one after the other": {"seconds": [12.1], "median_seconds": 12.1, "rtf": 0.1344}},
    },
    "commands": {
        "audio_seconds": 30.0,
        "commands": {
            "whisperx": {"seconds": [50.0], "median_seconds": 50.0, "rtf": 1.67, "segments": 1, **RATES}
            | {"cpwer": 60.0, "tcpwer": 70.0}
        },
    },
    "memory": {"audio_seconds": 90.0, "child_peak_bytes": 300_000_000, "together_peak_bytes": 1_200_000_000},
}
