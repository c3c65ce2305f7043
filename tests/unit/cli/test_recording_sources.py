"""Recordings and transcripts from pipes, and warnings about a recording in every result."""

import json
import os
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from support.diarizers import OneSpeaker
from support.sounds import tone, write_encoded, write_wav

from diarize_runner.diarization import engine
from diarize_runner.digests import hash_file
from diarize_runner.jobs.audio import AudioFile

SRT = "1\n00:00:00,100 --> 00:00:00,900\nHello.\n"
SHORT = "the recording lasts 1.0 s: below 10 s, speakers are often missed"
TRUNCATED = "the recording is truncated: it has 32,044 of 64,044 bytes"


@pytest.fixture
def diarize(run, box, monkeypatch):
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return lambda *arguments: run("diarize", "--cache", box, *arguments)


@pytest.fixture
def talk(tmp_path):
    """An MP4 whose index is at its end, which a pipe cannot seek to."""
    write_encoded(tmp_path / "talk.mp4", "aac", "mono", 16_000)
    return tmp_path / "talk.mp4"


@pytest.fixture
def truncated(tmp_path):
    path = tmp_path / "call.wav"
    write_wav(path, [tone(2, 16_000)], 16_000)
    path.write_bytes(path.read_bytes()[:32_044])
    return path


@pytest.fixture
def pipe(tmp_path):
    """Return a function that makes a named pipe, to which a thread writes some bytes once."""

    def make(name, content):
        os.mkfifo(tmp_path / name)
        threading.Thread(target=(tmp_path / name).write_bytes, args=(content,), daemon=True).start()
        return tmp_path / name

    return make


def test_a_named_pipe_is_read_once_and_has_the_digest_of_its_content(diarize, talk, pipe, tmp_path):
    fifo = pipe("fifo.mp4", talk.read_bytes())
    assert diarize(fifo, "-o", tmp_path / "out.json").exit_code == 0
    provenance = json.loads((tmp_path / "out.json").read_text())["provenance"]
    assert provenance["audio"] == {"digest": str(hash_file(talk).digest), "seconds": pytest.approx(2, abs=0.2)}


def test_a_transcript_from_a_pipe_is_read_once_too(diarize, talk, pipe, tmp_path):
    fifo = pipe("fifo.srt", SRT.encode())
    assert diarize(talk, "-t", fifo, "-o", tmp_path / "out.json").exit_code == 0
    (tmp_path / "same.srt").write_bytes(SRT.encode())
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["provenance"]["transcript"] == {"digest": str(hash_file(tmp_path / "same.srt").digest)}


def test_the_descriptor_of_a_process_substitution_has_the_digest_of_its_content(talk):
    program = (
        "import sys; from pathlib import Path; from diarize_runner.jobs.audio import AudioFile; "
        "print(AudioFile(path=Path(sys.argv[1])).decode().digest)"
    )
    command = ["bash", "-c", 'exec "$0" -c "$1" <(cat "$2")', sys.executable, program, str(talk)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert found == f"{hash_file(talk).digest}\n"


def test_a_dash_reads_stdin(talk):
    program = (
        "from diarize_runner.cli.parser import *; from diarize_runner.cli.recordings import *; import argparse\n"
        "parser = argparse.ArgumentParser(); add_recording_options(parser)\n"
        "(path,) = parser.parse_args(['-']).audio\n"
        "recording = AudioFile(path=path).decode(); print(recording.uri, recording.digest)"
    )
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, input=talk.read_bytes(), capture_output=True, timeout=60, check=True).stdout
    assert found.decode() == f"stdin {hash_file(talk).digest}\n"


def test_a_terminal_as_stdin_is_refused(diarize, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    ran = diarize("-")
    assert (ran.exit_code, ran.stderr.splitlines()[0]) == (2, "error: stdin is a terminal")


def test_a_page_neither_links_nor_embeds_a_pipe(diarize, talk, pipe, tmp_path):
    fifo = pipe("fifo.mp4", talk.read_bytes())
    refused = diarize(fifo, "-o", tmp_path / "out.html", "--html-audio", "embed")
    assert (refused.exit_code, refused.stderr.splitlines()[0]) == (
        2,
        f"error: {fifo} is a pipe, which a page cannot embed",
    )
    assert diarize(fifo, "-o", tmp_path / "out.html").exit_code == 0
    assert "<audio" not in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize(("name", "linked"), [("/dev/stdin", False), ("/dev/fd/0", False), ("/etc/hostname", True)])
def test_only_what_stays_at_its_path_can_be_linked(name, linked, tmp_path):
    assert AudioFile(path=type(tmp_path)(name)).can_be_linked is linked


def test_a_warning_is_in_every_result_once(diarize, truncated, tmp_path):
    ran = diarize(truncated, "-o", tmp_path / "out.json", "-o", tmp_path / "out.html")
    assert ran.exit_code == 0
    assert ran.stderr.count(TRUNCATED) == 1
    assert f"\n  warning: {TRUNCATED}\n" in ran.stderr
    assert json.loads((tmp_path / "out.json").read_text())["warnings"] == [TRUNCATED, SHORT]
    assert (tmp_path / "out.html").read_text().count(f"<li>{TRUNCATED}</li>") == 1


def test_the_json_document_lists_the_warnings_of_each_recording(diarize, speech, truncated):
    assert diarize(truncated, "--json").document["warnings"] == [TRUNCATED, SHORT]
    assert diarize(speech, "--json").document["warnings"] == [SHORT]
    recordings = diarize(speech, truncated, "--json").document["recordings"]
    assert [each["warnings"] for each in recordings] == [[SHORT], [TRUNCATED, SHORT]]


def test_strict_refuses_a_recording_that_has_a_warning(diarize, speech, truncated):
    ran = diarize(truncated, "--strict")
    assert ran.exit_code == 1
    assert ran.stderr == (
        f"error: {truncated} is refused: {TRUNCATED}\nhint: repair it, or omit --strict to diarize what there is\n"
    )
    assert diarize(speech, "--strict").exit_code == 0


def test_a_stream_is_selected_and_recorded(diarize, tmp_path):
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for stream, sound in zip(streams, (np.zeros(16_000), tone(1, 16_000)), strict=True):
            frame = av.AudioFrame.from_ndarray(np.int16([sound * 32767]), format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux([*stream.encode(frame), *stream.encode(None)])
    assert "warning: audio stream 1 of 2 is silent: use another, with --stream 2" in diarize(path).stderr
    assert "silent" not in diarize(path, "--stream", "2", "-o", tmp_path / "out.json").stderr
    assert json.loads((tmp_path / "out.json").read_text())["provenance"]["stream"] == 2
    assert len(diarize(path, "--stream", "auto", "--json").document["warnings"]) == 2
    assert diarize(path, "--stream", "0").exit_code == 2
