"""What people report of faster-whisper and whisperX, by the number of the issue: transcripts here do not have it.

The recording is pyannote's sample, the model is the embedded tiny.en.
"""

import json
import os
import subprocess
import sys
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
import pytest
from support.command import ROOT, run
from support.decoded import decode
from support.sounds import write_encoded, write_wav
from support.tracing import require_strace, traced

from diarize_runner.diarization.audio import Recording
from diarize_runner.progress import NoProgress
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

pytestmark = pytest.mark.scenario

RATE = 16_000
QUIET = NoProgress()
TOLERANCE = 0.05
"""Seconds."""
CODECS = {"call.mp3": ("libmp3lame", 44_100), "call.m4a": ("aac", 44_100)}


@pytest.fixture(scope="module")
def made(transcriber, phone_call):
    return transcriber.transcribe(phone_call, QUIET)


def words_of(transcript):
    return [word for segment in transcript.segments for word in segment.words]


def recording_of(samples):
    return Recording(uri="call", waveform=np.asarray(samples, np.float32))


def resampled(samples, rate):
    """Return the samples at another rate, by linear interpolation."""
    times = np.arange(round(len(samples) * rate / RATE)) / rate
    return np.interp(times, np.arange(len(samples)) / RATE, samples).astype(np.float32)


def times_by_word(found, expected):
    """Return the pairs of start times of the words that two transcripts have in common."""
    texts = [[word.text for word in words] for words in (found, expected)]
    matcher = SequenceMatcher(a=texts[0], b=texts[1], autojunk=False)
    return [
        (found[block.a + index].start, expected[block.b + index].start)
        for block in matcher.get_matching_blocks()
        for index in range(block.size)
    ]


def delay(found, expected):
    """Return by how many seconds `found` is later, by correlation over 2 s each way."""
    size = 1 << (len(found) + len(expected)).bit_length()
    product = np.fft.rfft(found, size) * np.conj(np.fft.rfft(expected, size))
    correlation = np.fft.irfft(product, size)
    near = np.concatenate([correlation[-2 * RATE :], correlation[: 2 * RATE]])
    return (int(np.argmax(near)) - 2 * RATE) / RATE


def test_faster_whisper_465_nothing_is_repeated_after_the_speech_ends(transcriber, made, phone_call):
    """Transcriptions with repeated sentences: https://github.com/SYSTRAN/faster-whisper/issues/465."""
    silence = np.zeros(30 * RATE, np.float32)
    found = transcriber.transcribe(recording_of(np.concatenate([phone_call.waveform, silence])), QUIET)
    segments = found.transcript.segments
    assert max(segment.end for segment in segments) <= phone_call.duration
    assert len(segments) == len(made.transcript.segments)
    assert all(first.text != second.text for first, second in pairwise(segments[2:])), "only the greeting is said twice"


@pytest.mark.parametrize("level", [1e-5, 1e-4, 1e-3, 1e-2])
def test_faster_whisper_843_near_silence_is_no_speech(transcriber, level):
    """Hallucinations in near silence despite VAD: https://github.com/SYSTRAN/faster-whisper/issues/843."""
    noise = np.random.default_rng(0).normal(0, level, 35 * RATE)
    assert transcriber.transcribe(recording_of(noise), QUIET).transcript.segments == ()


def test_faster_whisper_843_mains_hum_is_no_speech(transcriber):
    hum = 0.01 * np.sin(2 * np.pi * 50 * np.arange(35 * RATE) / RATE)
    assert transcriber.transcribe(recording_of(hum), QUIET).transcript.segments == ()


def test_faster_whisper_1396_and_1427_batches_make_as_many_segments_as_single_chunks(made, embedded_cache, phone_call):
    """Batched segments are paragraphs: https://github.com/SYSTRAN/faster-whisper/issues/1396 and 1427."""
    with Transcriber(embedded_cache, TranscriptionOptions(device="cpu", batch_size=1)) as transcriber:
        single = transcriber.transcribe(phone_call, QUIET).transcript.segments
    batched = made.transcript.segments
    assert abs(len(batched) - len(single)) <= 3
    assert max(segment.end - segment.start for segment in batched) < 10


def test_faster_whisper_1431_cublas_12_is_found_beside_cuda_13_without_a_library_path():
    """`libcublas.so.12 is not found`: https://github.com/SYSTRAN/faster-whisper/issues/1431."""
    load = "import ctypes; from diarize_runner.transcription.cublas import load_cublas; load_cublas(); "
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    subprocess.run(
        [sys.executable, "-c", f"{load}ctypes.CDLL('libcublas.so.12')"],
        env={**environment, "PYTHONPATH": str(ROOT)},
        check=True,
    )


def test_words_take_time_and_follow_each_other_within_the_recording(made, phone_call):
    """Whisper gives some words no time: https://github.com/SYSTRAN/faster-whisper/issues/919 shows such."""
    words = words_of(made.transcript)
    assert all(word.end - word.start > 0.019 for word in words)
    assert all(first.end <= second.start for first, second in pairwise(words))
    assert words[-1].end <= phone_call.duration


@pytest.fixture(scope="module", params=CODECS)
def encoded(request, phone_call, tmp_path_factory):
    """The recording in another container."""
    codec, rate = CODECS[request.param]
    path = tmp_path_factory.mktemp("encoded") / request.param
    write_encoded(path, codec, "mono", rate, resampled(phone_call.waveform, rate))
    return path


def test_whisperx_987_words_of_mp3_and_m4a_have_the_times_of_wav(encoded, transcriber, made):
    """Timestamps drift with MP3: https://github.com/m-bain/whisperX/issues/987."""
    found = words_of(transcriber.transcribe(decode(encoded), QUIET).transcript)
    expected = words_of(made.transcript)
    pairs = times_by_word(found, expected)
    assert len(pairs) > 0.9 * len(expected)
    differences = [abs(first - second) for first, second in pairs]
    assert np.median(differences) <= TOLERANCE
    assert np.mean([difference <= TOLERANCE for difference in differences]) > 0.8


@pytest.mark.parametrize("name", CODECS)
def test_whisperx_987_three_minutes_do_not_drift(name, phone_call, tmp_path):
    """In the report, MP3 was a second late after 25 minutes: 0.12 s after three."""
    codec, rate = CODECS[name]
    samples = np.tile(phone_call.waveform, 6)
    write_encoded(tmp_path / name, codec, "mono", rate, resampled(samples, rate))
    found = decode(tmp_path / name, limit_seconds=300).waveform
    assert abs(len(found) - len(samples)) / RATE < TOLERANCE
    for start in (6 * RATE, len(samples) - 24 * RATE):
        span = slice(start, start + 15 * RATE)
        assert abs(delay(found[span], samples[span])) < TOLERANCE


@pytest.fixture(scope="module")
def labelled(embedded_box, phone_call, tmp_path_factory):
    """The words of `run`, as JSON."""
    folder = tmp_path_factory.mktemp("labelled")
    write_wav(folder / "call.wav", [phone_call.waveform], RATE)
    options = ["--cache", embedded_box, "--device", "cpu", "-o", folder / "call.json"]
    done = run("run", folder / "call.wav", *options, isolated=True, LD_LIBRARY_PATH="")
    assert done.returncode == 0, done.stderr
    return [word for segment in json.loads((folder / "call.json").read_text())["segments"] for word in segment["words"]]


def test_whisperx_1072_every_word_has_a_speaker(labelled):
    """Words without a speaker: https://github.com/m-bain/whisperX/issues/1072."""
    assert len(labelled) > 60
    assert all(word["speaker"].startswith("SPEAKER_") for word in labelled)


def test_whisperx_559_every_word_has_a_time(labelled):
    """Words without a time, such as numbers: https://github.com/m-bain/whisperX/issues/559."""
    assert all(0 <= word["start"] < word["end"] <= 30 for word in labelled)


def test_whisperx_263_no_connection_is_attempted(embedded_box, phone_call, tmp_path):
    """100 % local, no internet: https://github.com/m-bain/whisperX/issues/263."""
    require_strace()
    write_wav(tmp_path / "call.wav", [phone_call.waveform[: 10 * RATE]], RATE)
    command = [sys.executable, "-m", "diarize_runner", "transcribe", "call.wav", "--cache", embedded_box]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = traced([*command, "--device", "cpu"], cwd=tmp_path, env=environment, folder=tmp_path / "trace")
    assert found.done.returncode == 0, found.done.stderr
    assert "Oh, hello" in found.done.stdout
    assert [call for call in found.connected if "AF_UNIX" not in call] == []
