import wave

import av
import numpy as np
import pytest

from diarize_runner.diarization.audio import SAMPLE_RATE, Recording, decode
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

PITCH = 440
LEVEL = 0.5
NO_AUDIO_HINT = "expected a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"


def tone(seconds, rate):
    return LEVEL * np.sin(2 * np.pi * PITCH * np.arange(round(seconds * rate)) / rate)


def write_wav(path, channels, rate):
    """Write equally long float arrays, one for each channel, as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(np.stack(channels, axis=1) * 32767).astype("<i2").tobytes())


def write_encoded(path, codec, layout, rate, seconds=2.0):
    """Write a tone, the same in every channel."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        channels = np.stack([tone(seconds, rate)] * stream.layout.nb_channels).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        sound.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        frames = [frame for part in (sound, None) for frame in resampler.resample(part)]
        for frame in (*frames, None):
            container.mux(stream.encode(frame))


def write_silent_film(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def pitch_of(recording):
    spectrum = np.abs(np.fft.rfft(recording.waveform))
    return np.argmax(spectrum) / recording.duration


def level_of(recording):
    middle = recording.waveform[len(recording.waveform) // 4 : -len(recording.waveform) // 4]
    return np.sqrt(2 * np.mean(np.square(middle)))


def test_a_recording_knows_its_duration():
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32)).duration == 0.5
    assert Recording(uri="talk", waveform=np.zeros(8_000, np.float32), sample_rate=8_000).duration == 1


@pytest.mark.parametrize(
    ("name", "codec", "layout", "rate"),
    [
        ("telephone.wav", "pcm_s16le", "stereo", 8_000),
        ("as_the_models_hear_it.wav", "pcm_f32le", "mono", 16_000),
        ("cinema.wav", "pcm_s24le", "5.1", 48_000),
        ("lossless.flac", "flac", "stereo", 44_100),
        ("film.mkv", "pcm_s16le", "mono", 96_000),
    ],
)
def test_a_tone_keeps_its_length_pitch_and_level(tmp_path, name, codec, layout, rate):
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
    ],
)
def test_a_tone_keeps_what_a_lossy_codec_leaves_of_it(tmp_path, name, codec, layout, rate):
    write_encoded(tmp_path / name, codec, layout, rate)
    recording = decode(tmp_path / name)
    assert recording.duration == pytest.approx(2, abs=0.1)
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)
    assert level_of(recording) == pytest.approx(LEVEL, rel=0.06)  # LAME turns it down by 5 %


@pytest.mark.parametrize(
    ("rate", "samples", "decoded"), [(16_000, 1, 1), (16_000, 1_025, 1_025), (8_000, 4_321, 8_642)]
)
def test_the_last_partial_frame_is_not_lost(tmp_path, rate, samples, decoded):
    write_wav(tmp_path / "talk.wav", [np.full(samples, LEVEL)], rate)
    assert len(decode(tmp_path / "talk.wav").waveform) == decoded


@pytest.mark.parametrize("speaking", range(6))
def test_every_channel_weighs_the_same(tmp_path, speaking):
    channels = [np.zeros(SAMPLE_RATE)] * 6
    channels[speaking] = tone(1, SAMPLE_RATE)
    write_wav(tmp_path / "table.wav", channels, SAMPLE_RATE)
    assert level_of(decode(tmp_path / "table.wav")) == pytest.approx(LEVEL / 6, rel=0.01)


def test_loud_stereo_is_not_made_louder(tmp_path):
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


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("talk.wav", "talk"),
        ("board meeting  2\t.wav", "board_meeting__2_"),
        ("a.b.wav", "a.b"),
        ("12:30.wav", "12:30"),
        ("\udcff.wav", "_"),
    ],
)
def test_the_uri_is_the_stem_without_blanks(tmp_path, name, uri):
    write_wav(tmp_path / name, [tone(0.1, SAMPLE_RATE)], SAMPLE_RATE)
    assert decode(tmp_path / name).uri == uri


def test_a_recording_may_be_as_long_as_the_limit_but_no_longer(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [tone(2, SAMPLE_RATE)], SAMPLE_RATE)
    assert decode(path, limit_seconds=2).duration == 2
    with pytest.raises(AudioError) as caught:
        decode(path, limit_seconds=1.5)
    assert caught.value.message == f"{path} is longer than 1.5 s"
    assert caught.value.hint == "cut it into shorter recordings"


def test_a_wav_that_was_cut_short_is_as_long_as_what_is_there(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [tone(2, SAMPLE_RATE)], SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[: 44 + SAMPLE_RATE * 2])
    recording = decode(path)
    assert recording.duration == 1
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)


def test_a_file_that_breaks_off_in_a_frame_is_refused_and_says_where(tmp_path):
    path = tmp_path / "board meeting.flac"
    write_encoded(path, "flac", "mono", SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableAudio, match=r"flac is damaged 0\.\d\d s after its start: Invalid data") as caught:
        decode(path)
    assert caught.value.hint == f"keep what can be decoded: ffmpeg -i '{path}' repaired.wav"


def test_a_recording_without_samples_is_empty(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [np.zeros(0)], SAMPLE_RATE)
    with pytest.raises(EmptyAudio) as caught:
        decode(path)
    assert caught.value.message == f"{path} holds no samples"
    assert caught.value.hint == "check that the recorder was running"


@pytest.mark.parametrize("content", [b"", b"Hello? Oh, hello.\n" * 20, b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_what_is_not_audio_is_refused_whatever_its_name(tmp_path, content):
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
    write_silent_film(path)
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


@pytest.mark.parametrize(("name", "reason"), [("nothing.wav", "No such file or directory"), (".", "Is a directory")])
def test_what_cannot_be_opened_says_why(tmp_path, name, reason):
    with pytest.raises(UnreadableAudio) as caught:
        decode(tmp_path / name)
    assert caught.value.message == f"cannot read {tmp_path / name}: {reason}"
    assert caught.value.hint == "check the path"
