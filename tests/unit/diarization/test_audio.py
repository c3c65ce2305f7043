"""Recordings are decoded in a confined process; if it crashes, this process continues."""

import gc
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.sounds import LEVEL, tone, write_encoded, write_film, write_silence, write_wav

from diarize_runner.diarization import decoders
from diarize_runner.diarization.audio import SAMPLE_RATE, Limits, Recording, Selection, decode
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

FAKE_DECODER = """
import os, signal, socket, sys, time
from diarize_runner.diarization import decoding

def decode_into(target, source, request):
    {statement}
    return decoding.DecoderReport(channels=1, warnings=())

decoding.decode_into = decode_into
sys.exit(decoding.main())
"""


@pytest.fixture
def talk(tmp_path):
    write_wav(tmp_path / "talk.wav", [tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    return tmp_path / "talk.wav"


@pytest.fixture
def fake_decoder(monkeypatch):
    """Return a function that makes the confined decoder run a statement instead of decoding."""

    def install(statement):
        command = (sys.executable, "-c", FAKE_DECODER.format(statement=statement))
        monkeypatch.setattr(decoders, "_DECODER", command)

    return install


def test_duration_depends_on_the_sample_rate():
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32)).duration == 0.5
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32), sample_rate=8_000).duration == 1


def test_the_decoded_samples_are_correct_and_writable(talk):
    waveform = decode(talk).waveform
    np.testing.assert_allclose(waveform, tone(1, SAMPLE_RATE), rtol=0, atol=1e-4)
    waveform[:] = 0
    assert np.abs(decode(talk).waveform).max() == pytest.approx(LEVEL, rel=0.01)


def test_a_channel_can_be_selected(tmp_path):
    write_wav(tmp_path / "call.wav", [np.zeros(SAMPLE_RATE), tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    assert np.abs(decode(tmp_path / "call.wav", Selection(channel=1)).waveform).max() == 0
    with pytest.raises(AudioError, match=r"has no channel 3: it has 2$"):
        decode(tmp_path / "call.wav", Selection(channel=3))


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("talk.wav", "talk"),
        ("board meeting  2\t.wav", "board_meeting__2_"),
        ("a.b.wav", "a.b"),
        ("12:30.wav", "12:30"),
        ("-x.wav", "-x"),
        ("\udcff.wav", "_"),
    ],
)
def test_the_uri_is_the_stem_without_blanks(talk, name, uri):
    assert decode(talk.rename(talk.with_name(name))).uri == uri


@pytest.mark.parametrize(("name", "reason"), [("missing.wav", "No such file or directory"), (".", "Is a directory")])
def test_an_unopenable_file_is_reported_with_the_reason(tmp_path, name, reason):
    with pytest.raises(UnreadableAudio) as caught:
        decode(tmp_path / name)
    assert caught.value.message == f"cannot read {tmp_path / name}: {reason}"
    assert caught.value.hint == "check the path"


@pytest.mark.parametrize("content", [b"", b"Hello? Oh, hello.\n" * 20], ids=["zero bytes", "text"])
def test_a_file_that_is_not_audio_is_refused(talk, content):
    talk.write_bytes(content)
    with pytest.raises(UnreadableAudio) as caught:
        decode(talk)
    assert caught.value.message == f"cannot decode {talk}: Invalid data found when processing input"
    assert caught.value.hint.startswith("use a file with audio that FFmpeg can decode")


def test_an_empty_recording_raises_empty_audio(tmp_path):
    write_wav(tmp_path / "talk.wav", [np.zeros(0)], SAMPLE_RATE)
    with pytest.raises(EmptyAudio):
        decode(tmp_path / "talk.wav")


def test_a_film_decodes_without_opening_other_files(tmp_path):
    write_film(tmp_path / "film.mp4", sound=tone(1, SAMPLE_RATE))
    assert decode(tmp_path / "film.mp4").duration == pytest.approx(1, abs=0.15)


@pytest.mark.long
def test_a_small_file_of_two_hours_decodes_unless_it_exceeds_the_limit(tmp_path):
    path = tmp_path / "silence.aac"
    write_silence(path, 2 * 60 * 60)
    assert path.stat().st_size < 1_000_000
    assert decode(path).duration == pytest.approx(2 * 60 * 60, abs=0.1)
    with pytest.raises(AudioError) as caught:
        decode(path, limits=Limits(audio_seconds=60))
    assert caught.value.message == f"{path} is longer than 60 s"
    assert caught.value.hint == "cut it into shorter recordings"


FAILURES = {
    "os.kill(os.getpid(), signal.SIGSEGV)": "made the decoder crash (SIGSEGV)",
    "os.abort()": "made the decoder crash (SIGABRT)",
    "os.kill(os.getpid(), signal.SIGKILL)": "made the decoder take so much memory that the system killed it",
    "while True: pass": "takes more than 1 s of CPU time to decode",
    "time.sleep(60)": "takes more than 2 s to decode",
    "bytearray(3 << 30)": "takes more than 2048 MiB to decode",
    "raise ValueError('{odd}')": "made the decoder fail: ValueError: {odd}",
}


@pytest.mark.parametrize(("statement", "cause"), FAILURES.items(), ids=FAILURES)
def test_every_decoder_failure_makes_the_recording_unreadable(talk, fake_decoder, statement, cause):
    fake_decoder(statement)
    with pytest.raises(UnreadableAudio) as caught:
        decode(talk, limits=Limits(cpu_seconds=1, wall_seconds=2 if "sleep" in statement else 60))
    assert caught.value.message == f"{talk} {cause}"
    assert caught.value.hint == f"convert it to WAV: ffmpeg -i {talk} converted.wav"


@pytest.mark.parametrize("statement", ["socket.socket()", "open('/etc/hostname')", "os.pipe()"])
def test_the_decoder_can_open_neither_a_file_nor_a_socket(talk, fake_decoder, statement):
    fake_decoder(statement)
    with pytest.raises(UnreadableAudio, match=r"made the decoder fail: OSError: .*Too many open files"):
        decode(talk)


ENCODINGS = {
    "talk.wav": ("pcm_s24le", 96_000),
    "talk.flac": ("flac", 16_000),
    "talk.mp3": ("libmp3lame", 8_000),
    "talk.m4a": ("aac", 44_100),
    "talk.opus": ("libopus", 48_000),
    "talk.webm": ("libopus", 48_000),
}


@pytest.mark.parametrize(("name", "encoding"), ENCODINGS.items(), ids=ENCODINGS)
def test_a_damaged_or_truncated_file_decodes_or_raises_an_audio_error(tmp_path, name, encoding):
    codec, rate = encoding
    path, random = tmp_path / name, np.random.default_rng(len(name))
    write_encoded(path, codec, "stereo", rate)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    flipped = whole.copy()
    flipped[random.integers(len(whole), size=20)] ^= random.integers(1, 256, size=20, dtype=np.uint8)
    for damaged in (flipped, whole[: len(whole) // 3]):
        path.write_bytes(damaged.tobytes())
        result = decode_or_error(path)
        assert 0 < result.duration < 3 if isinstance(result, Recording) else str(path) in result.message


def decode_or_error(path):
    try:
        return decode(path)
    except AudioError as error:
        return error


DECODE_SCRIPT = """
import sys
from pathlib import Path
from diarize_runner.diarization import audio, decoders
decoders._DECODER = (sys.executable, "-c", sys.argv[2])
audio.decode(Path(sys.argv[1]))
"""


def test_the_decoder_dies_with_its_parent(talk):
    sleeping = FAKE_DECODER.format(statement="time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", DECODE_SCRIPT, str(talk), sleeping])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    wait_until(lambda: children.read_text().split())
    decoder = Path("/proc", children.read_text().split()[0])
    wait_until(lambda: re.search(r"Max open files +3 ", (decoder / "limits").read_text()))

    parent.kill()

    parent.wait()
    wait_until(lambda: not decoder.exists() or ") Z " in (decoder / "stat").read_text())


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_decoder_does_not_inherit_secrets(talk, fake_decoder, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    fake_decoder("raise ValueError('AWS_SECRET_ACCESS_KEY' in os.environ)")
    with pytest.raises(UnreadableAudio, match=r"ValueError: False$"):
        decode(talk)


def test_the_decoder_imports_no_module_from_the_working_folder(talk, monkeypatch):
    (talk.parent / "av.py").write_text("raise SystemExit('not the real one')")
    monkeypatch.chdir(talk.parent)
    assert decode(talk).duration == 1


def test_no_file_descriptor_stays_open(talk):
    def count_open():
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    decode(talk)
    before = count_open()
    decode(talk)
    assert count_open() == before


def child_processes():
    """Return the ids of this process's children."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


@pytest.mark.long
def test_hostile_files_leave_no_process_and_no_file(talk, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.chdir(temporary)
    content, generator = talk.read_bytes(), random.Random(1)
    before, refused = child_processes(), 0
    for number in range(12):
        damaged = bytearray(content[: generator.randrange(1, len(content))])
        for _ in range(8):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        hostile = tmp_path / f"hostile-{number}.wav"
        hostile.write_bytes(bytes(damaged) if number % 2 else generator.randbytes(5000))
        try:
            decode(hostile)
        except AudioError:
            refused += 1
    assert refused >= 6
    assert child_processes() == before
    assert list(temporary.iterdir()) == []
