"""A recording is decoded in a process of its own, which can do no harm and whose end is no end of ours."""

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

from diarize_runner.diarization import audio
from diarize_runner.diarization.audio import SAMPLE_RATE, Limits, Recording, decode
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

STAND_IN = """
import os, signal, socket, sys, time
from diarize_runner.diarization import decoding

def blocks(source, name, channel, limit_seconds):
    {does}
    yield

decoding.blocks = blocks
sys.exit(decoding.main())
"""


@pytest.fixture
def talk(tmp_path):
    write_wav(tmp_path / "talk.wav", [tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    return tmp_path / "talk.wav"


@pytest.fixture
def decoder_that(monkeypatch):
    """Let a decoder, confined as the real one is, do something else than decode."""
    return lambda does: monkeypatch.setattr(audio, "_DECODER", (sys.executable, "-c", STAND_IN.format(does=does)))


def test_a_recording_knows_its_duration():
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32)).duration == 0.5
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32), sample_rate=8_000).duration == 1


def test_the_samples_come_back_as_they_were_decoded_and_can_be_written_to(talk):
    waveform = decode(talk).waveform
    np.testing.assert_allclose(waveform, tone(1, SAMPLE_RATE), rtol=0, atol=1e-4)
    waveform[:] = 0
    assert np.abs(decode(talk).waveform).max() == pytest.approx(LEVEL, rel=0.01)


def test_one_channel_can_be_asked_for(tmp_path):
    write_wav(tmp_path / "call.wav", [np.zeros(SAMPLE_RATE), tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    assert np.abs(decode(tmp_path / "call.wav", channel=1).waveform).max() == 0
    with pytest.raises(AudioError, match=r"has no channel 3: it has 2$"):
        decode(tmp_path / "call.wav", channel=3)


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


@pytest.mark.parametrize(("name", "reason"), [("nothing.wav", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened_says_why(tmp_path, name, reason):
    with pytest.raises(UnreadableAudio) as caught:
        decode(tmp_path / name)
    assert caught.value.message == f"cannot read {tmp_path / name}: {reason}"
    assert caught.value.hint == "check the path"


@pytest.mark.parametrize("content", [b"", b"Hello? Oh, hello.\n" * 20], ids=["zero bytes", "text"])
def test_what_is_no_audio_is_refused_as_it_is_in_this_process(talk, content):
    talk.write_bytes(content)
    with pytest.raises(UnreadableAudio) as caught:
        decode(talk)
    assert caught.value.message == f"cannot decode {talk}: Invalid data found when processing input"
    assert caught.value.hint.startswith("expected a file with audio that FFmpeg can decode")


def test_an_empty_recording_is_an_error_of_its_own(tmp_path):
    write_wav(tmp_path / "talk.wav", [np.zeros(0)], SAMPLE_RATE)
    with pytest.raises(EmptyAudio):
        decode(tmp_path / "talk.wav")


def test_a_film_needs_nothing_that_the_decoder_may_not_open(tmp_path):
    write_film(tmp_path / "film.mp4", sound=tone(1, SAMPLE_RATE))
    assert decode(tmp_path / "film.mp4").duration == pytest.approx(1, abs=0.15)


def test_two_hours_of_silence_are_two_hours_and_more_than_may_be_is_not_decoded(tmp_path):
    path = tmp_path / "silence.aac"
    write_silence(path, 2 * 60 * 60)
    assert path.stat().st_size < 1_000_000
    assert decode(path).duration == pytest.approx(2 * 60 * 60, abs=0.1)
    with pytest.raises(AudioError) as caught:
        decode(path, limits=Limits(audio_seconds=60))
    assert caught.value.message == f"{path} is longer than 60 s"
    assert caught.value.hint == "cut it into shorter recordings"


DEATHS = {
    "os.kill(os.getpid(), signal.SIGSEGV)": "made the decoder crash (SIGSEGV)",
    "os.abort()": "made the decoder crash (SIGABRT)",
    "os.kill(os.getpid(), signal.SIGKILL)": "made the decoder take so much memory that the system killed it",
    "while True: pass": "takes more than 1 s of a core to decode",
    "time.sleep(60)": "takes more than 2 s to decode",
    "bytearray(3 << 30)": "takes more than 2048 MiB to decode",
    "raise ValueError('{odd}')": "made the decoder fail: ValueError: {odd}",
}


@pytest.mark.parametrize(("does", "said"), DEATHS.items(), ids=DEATHS)
def test_whatever_the_decoder_dies_of_the_recording_is_unreadable(talk, decoder_that, does, said):
    decoder_that(does)
    with pytest.raises(UnreadableAudio) as caught:
        decode(talk, limits=Limits(cpu_seconds=1, wall_seconds=2 if "sleep" in does else 60))
    assert caught.value.message == f"{talk} {said}"
    assert caught.value.hint == f"try it as WAV: ffmpeg -i {talk} converted.wav"


@pytest.mark.parametrize("does", ["socket.socket()", "open('/etc/hostname')", "os.pipe()"])
def test_a_decoder_can_open_neither_a_file_nor_a_connection(talk, decoder_that, does):
    decoder_that(does)
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
def test_a_damaged_or_broken_off_file_is_a_recording_or_an_error_of_its_own(tmp_path, name, encoding):
    codec, rate = encoding
    path, random = tmp_path / name, np.random.default_rng(len(name))
    write_encoded(path, codec, "stereo", rate)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    flipped = whole.copy()
    flipped[random.integers(len(whole), size=20)] ^= random.integers(1, 256, size=20, dtype=np.uint8)
    for damaged in (flipped, whole[: len(whole) // 3]):
        path.write_bytes(damaged.tobytes())
        came = outcome(path)
        assert 0 < came.duration < 3 if isinstance(came, Recording) else str(path) in came.message


def outcome(path):
    try:
        return decode(path)
    except AudioError as error:
        return error


DECODING = """
import sys
from pathlib import Path
from diarize_runner.diarization import audio
audio._DECODER = (sys.executable, "-c", sys.argv[2])
audio.decode(Path(sys.argv[1]))
"""


def test_a_decoder_does_not_outlive_a_process_that_was_killed(talk):
    waiting = STAND_IN.format(does="time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", DECODING, str(talk), waiting])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    until(lambda: children.read_text().split())
    decoder = Path("/proc", children.read_text().split()[0])
    until(lambda: re.search(r"Max open files +3 ", (decoder / "limits").read_text()))

    parent.kill()

    parent.wait()
    until(lambda: not decoder.exists() or ") Z " in (decoder / "stat").read_text())


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_decoder_knows_none_of_our_secrets(talk, decoder_that, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    decoder_that("raise ValueError('AWS_SECRET_ACCESS_KEY' in os.environ)")
    with pytest.raises(UnreadableAudio, match=r"ValueError: False$"):
        decode(talk)


def test_a_folder_full_of_modules_does_not_become_the_decoder(talk, monkeypatch):
    (talk.parent / "av.py").write_text("raise SystemExit('not the real one')")
    monkeypatch.chdir(talk.parent)
    assert decode(talk).duration == 1


def test_no_descriptor_is_left_open(talk):
    def opened():
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    decode(talk)
    before = opened()
    decode(talk)
    assert opened() == before


def children():
    """Return the ids of the processes that this one has started, and that are there."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_hostile_files_leave_neither_a_process_nor_a_file(talk, tmp_path, monkeypatch):
    there = tmp_path / "temporary"
    there.mkdir()
    monkeypatch.setenv("TMPDIR", str(there))
    monkeypatch.chdir(there)
    sound, chance = talk.read_bytes(), random.Random(1)
    before, refused = children(), 0
    for number in range(12):
        damaged = bytearray(sound[: chance.randrange(1, len(sound))])
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        hostile = tmp_path / f"hostile-{number}.wav"
        hostile.write_bytes(bytes(damaged) if number % 2 else chance.randbytes(5000))
        try:
            decode(hostile)
        except AudioError:
            refused += 1
    assert refused >= 6
    assert children() == before
    assert list(there.iterdir()) == []
