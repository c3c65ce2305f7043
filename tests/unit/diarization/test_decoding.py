"""Recordings that decode correctly, and recordings that are refused."""

import re

import numpy as np
import pytest
from support.decoded import decode, level_of, pitch_of, warnings_of
from support.sounds import LEVEL, PITCH, tone, write_encoded, write_film, write_wav

from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

NO_AUDIO_HINT = "use a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"


@pytest.mark.parametrize(
    ("name", "codec", "layout", "rate"),
    [
        ("telephone.wav", "pcm_s16le", "stereo", 8_000),
        ("model_input.wav", "pcm_f32le", "mono", 16_000),
        ("cinema.wav", "pcm_s24le", "5.1", 48_000),
        ("lossless.flac", "flac", "stereo", 44_100),
        ("film.mkv", "pcm_s16le", "mono", 96_000),
        ("studio.wav", "pcm_s24le", "stereo", 96_000),
    ],
)
def test_lossless_audio_keeps_length_pitch_and_level(tmp_path, name, codec, layout, rate):
    write_encoded(tmp_path / name, codec, layout, rate)
    recording = decode(tmp_path / name)
    assert (recording.waveform.dtype, recording.waveform.ndim) == (np.float32, 1)
    assert recording.sample_rate == SAMPLE_RATE
    assert recording.duration == 2
    assert pitch_of(recording) == PITCH
    assert level_of(recording) == pytest.approx(LEVEL, rel=0.001)


@pytest.mark.parametrize(
    ("name", "codec", "layout", "rate"),
    [
        ("planar_at_16_kHz.mp3", "libmp3lame", "mono", 16_000),
        ("music.mp3", "libmp3lame", "stereo", 44_100),
        ("voice.ogg", "libopus", "mono", 48_000),
        ("phone.m4a", "aac", "stereo", 44_100),
        ("film.mp4", "aac", "mono", 48_000),
        ("browser.webm", "libopus", "stereo", 48_000),
        ("messenger.opus", "libopus", "mono", 16_000),
    ],
)
def test_lossy_audio_keeps_length_pitch_and_level_approximately(tmp_path, name, codec, layout, rate):
    write_encoded(tmp_path / name, codec, layout, rate)
    recording = decode(tmp_path / name)
    assert recording.duration == pytest.approx(2, abs=0.1)
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)
    assert level_of(recording) == pytest.approx(LEVEL, rel=0.06)  # LAME lowers the level by 5 %


@pytest.mark.parametrize(
    ("rate", "samples", "decoded"), [(16_000, 1, 1), (16_000, 1_025, 1_025), (8_000, 4_321, 8_642)]
)
def test_the_last_partial_frame_is_kept(tmp_path, rate, samples, decoded):
    write_wav(tmp_path / "talk.wav", [np.full(samples, LEVEL)], rate)
    assert len(decode(tmp_path / "talk.wav").waveform) == decoded


@pytest.mark.parametrize("active", range(6))
def test_all_channels_have_equal_weight(tmp_path, active):
    channels = [np.zeros(SAMPLE_RATE)] * 6
    channels[active] = tone(1, SAMPLE_RATE)
    write_wav(tmp_path / "table.wav", channels, SAMPLE_RATE)
    assert level_of(decode(tmp_path / "table.wav")) == pytest.approx(LEVEL / 6, rel=0.01)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_resampling_does_not_alias(tmp_path, rate):
    """Without a low-pass filter, this tone would become a loud tone of 5 kHz."""
    write_wav(tmp_path / "whistle.wav", [tone(1, rate, pitch=11_000)], rate)
    assert level_of(decode(tmp_path / "whistle.wav")) < LEVEL / 10_000


def test_a_channel_can_be_decoded_alone(tmp_path):
    write_wav(tmp_path / "call.wav", [tone(1, 8_000), tone(1, 8_000, pitch=1_000)], 8_000)
    assert [pitch_of(decode(tmp_path / "call.wav", channel)) for channel in (1, 2)] == [PITCH, 1_000]
    assert level_of(decode(tmp_path / "call.wav", 2)) == pytest.approx(LEVEL, rel=0.01)


def test_a_missing_channel_is_refused(tmp_path):
    write_wav(tmp_path / "call.wav", [tone(1, 8_000)] * 2, 8_000)
    with pytest.raises(AudioError) as caught:
        decode(tmp_path / "call.wav", 3)
    assert caught.value.message == f"{tmp_path}/call.wav has no channel 3: it has 2"
    assert caught.value.hint == "count channels from 1, or use --channel mix for all"


def test_loud_stereo_does_not_clip(tmp_path):
    loud = tone(1, SAMPLE_RATE) / LEVEL
    write_wav(tmp_path / "loud.wav", [loud, loud], SAMPLE_RATE)
    assert np.abs(decode(tmp_path / "loud.wav").waveform).max() <= 1


def test_a_stream_may_change_its_rate_and_channels_midway(tmp_path):
    write_encoded(tmp_path / "first.aac", "aac", "stereo", 44_100)
    write_encoded(tmp_path / "second.aac", "aac", "mono", 22_050)
    parts = [tmp_path / "first.aac", tmp_path / "second.aac"]
    (tmp_path / "both.aac").write_bytes(b"".join(part.read_bytes() for part in parts))
    both = decode(tmp_path / "both.aac")
    assert both.duration == pytest.approx(sum(decode(part).duration for part in parts), abs=0.1)
    assert pitch_of(both) == pytest.approx(PITCH, abs=1)


def test_a_recording_longer_than_the_limit_is_refused(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [tone(2, SAMPLE_RATE)], SAMPLE_RATE)
    assert decode(path, limit_seconds=2).duration == 2
    with pytest.raises(AudioError) as caught:
        decode(path, limit_seconds=1.5)
    assert caught.value.message == f"{path} is longer than 1.5 s"
    assert caught.value.hint == "cut it into shorter recordings"


def write_truncated(path, name="talk.wav", header=None):
    """Write 1 s of a WAV file of 2 s."""
    write_wav(path / name, [tone(2, SAMPLE_RATE)], SAMPLE_RATE)
    whole = (path / name).read_bytes()
    (path / name).write_bytes(((header or whole)[:8] + whole[8:])[: 44 + SAMPLE_RATE * 2])
    return path / name


def test_a_truncated_wav_gives_a_warning_with_both_sizes(tmp_path):
    path = write_truncated(tmp_path, "board meeting.wav")
    assert decode(path).duration == 1
    assert warnings_of(path) == ("the recording is truncated: it has 32,044 of 64,044 bytes",)


@pytest.mark.parametrize("size", [0, 0x7FFFF024, 0x80000024, 0xFFFFFFFF], ids=hex)
def test_a_wav_of_unknown_size_from_a_pipe_decodes_completely(tmp_path, size):
    path = write_truncated(tmp_path, header=b"RIFF" + size.to_bytes(4, "little"))
    recording = decode(path)
    assert recording.duration == 1
    assert warnings_of(path) == ()
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)


def test_a_file_truncated_within_a_frame_is_decoded_up_to_it(tmp_path):
    path = tmp_path / "board meeting.flac"
    write_encoded(path, "flac", "mono", SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0.2 < decode(path).duration < 1.5
    (warning,) = warnings_of(path)
    assert re.fullmatch(
        r"the recording is damaged at 0\.\d\d s: it holds \S+ s of the 2.0 s that its header states", warning
    )


def test_a_recording_without_samples_raises_empty_audio(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [np.zeros(0)], SAMPLE_RATE)
    with pytest.raises(EmptyAudio) as caught:
        decode(path)
    assert caught.value.message == f"{path} holds no samples"
    assert caught.value.hint == "check that the recorder was running"


@pytest.mark.parametrize("content", [b"", b"Hello? Oh, hello.\n" * 20, b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_a_file_that_is_not_audio_is_refused_despite_its_extension(tmp_path, content):
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio) as caught:
        decode(path)
    assert caught.value.message == f"cannot decode {path}: Invalid data found when processing input"
    assert caught.value.hint == NO_AUDIO_HINT


def test_an_unknown_codec_is_refused(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [tone(0.1, SAMPLE_RATE)], SAMPLE_RATE)
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x77\x77"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio, match=r"cannot decode .*: Decoder not found"):
        decode(path)


def test_a_film_without_sound_is_refused(tmp_path):
    path = tmp_path / "film.mkv"
    write_film(path, sound=[])
    with pytest.raises(UnreadableAudio) as caught:
        decode(path)
    assert caught.value.message == f"{path} holds no audio stream"
    assert caught.value.hint == NO_AUDIO_HINT


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.wav\n",
    ],
    ids=["HLS", "ffconcat"],
)
def test_a_playlist_opens_no_other_file(tmp_path, monkeypatch, playlist):
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "secret.wav", [tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    (tmp_path / "talk.wav").write_text(playlist)
    with pytest.raises(UnreadableAudio, match="cannot decode"):
        decode(tmp_path / "talk.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_the_time(tmp_path, value):
    path = tmp_path / "talk.wav"
    samples = tone(1, SAMPLE_RATE)
    samples[SAMPLE_RATE // 2] = value
    write_encoded(path, "pcm_f32le", "mono", SAMPLE_RATE, samples)
    with pytest.raises(UnreadableAudio) as caught:
        decode(path)
    assert caught.value.message == f"{path} contains NaN or infinity at 0.50 s"
    assert caught.value.hint == f"convert it to 16-bit integers: ffmpeg -i {path} -c:a pcm_s16le repaired.wav"
