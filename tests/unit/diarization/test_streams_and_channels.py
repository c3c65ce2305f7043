"""Which part of a recording is decoded, and what only its samples tell."""

import av
import numpy as np
import pytest
from support.decoded import decode, decode_with_warnings, level_of, pitch_of, warnings_of
from support.sounds import LEVEL, PITCH, tone, write_encoded, write_wav

from diarize_runner.diarization import audio
from diarize_runner.diarization.audio import SAMPLE_RATE, Selection
from diarize_runner.diarization.channels import EACH
from diarize_runner.errors import AudioError

PACKED_AND_PLANAR = {
    "wav": "pcm_f32le",
    "nut": "pcm_s16le_planar",
    "wv": "wavpack",
    "caf": "pcm_s16le",
    "avi": "pcm_s16le",
}
COUNTS = [1, 2, 7, 8, 9, 16, 64]


def write_channels(path, codec, channels, rate=SAMPLE_RATE):
    """Write a second of channels, as an array of shape (channels, samples)."""
    layout = "7.1" if len(channels) == 8 else f"{len(channels)} channels"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        sound = av.AudioFrame(format="flt", layout=layout, samples=channels.shape[1])
        sound.planes[0].update(np.ascontiguousarray(channels.T, np.float32).tobytes())
        sound.sample_rate, sound.pts = rate, 0
        size = 960 if codec == "libopus" else 1024
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate, frame_size=size)
        for frame in [*resampler.resample(sound), *resampler.resample(None), None]:
            container.mux(stream.encode(frame))
    return path


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(("suffix", "codec"), PACKED_AND_PLANAR.items(), ids=PACKED_AND_PLANAR)
def test_one_to_64_channels_are_decoded_alone_and_mixed(tmp_path, suffix, codec, count):
    channels = np.zeros((count, SAMPLE_RATE))
    channels[-1] = tone(1, SAMPLE_RATE)
    path = write_channels(tmp_path / f"table.{suffix}", codec, channels)
    assert level_of(decode(path)) == pytest.approx(LEVEL / count, rel=0.01)
    assert level_of(decode(path, channel=count)) == pytest.approx(LEVEL, rel=0.01)
    if count > 1:
        assert level_of(decode(path, channel=1)) < LEVEL / 1000


EIGHT = {"flac": "flac", "m4a": "aac", "opus": "libopus", "mov": "pcm_s16be", "tta": "tta", "caf": "pcm_s16le"}


@pytest.mark.parametrize(("suffix", "codec"), EIGHT.items(), ids=EIGHT)
def test_eight_channels_are_decoded_in_each_container(tmp_path, suffix, codec):
    channels = np.stack([tone(1, 48_000)] * 8)
    recording = decode(write_channels(tmp_path / f"table.{suffix}", codec, channels, 48_000))
    assert recording.duration == pytest.approx(1, abs=0.1)
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)


def test_the_confined_decoder_reads_16_channels(tmp_path):
    write_wav(tmp_path / "table.wav", [tone(1, SAMPLE_RATE)] * 16, SAMPLE_RATE)
    assert audio.decode(tmp_path / "table.wav", Selection(channel=16)).duration == 1


def test_more_channels_are_refused_with_their_number(tmp_path):
    write_wav(tmp_path / "table.wav", [tone(0.1, SAMPLE_RATE)] * 65, SAMPLE_RATE)
    with pytest.raises(AudioError) as caught:
        decode(tmp_path / "table.wav")
    assert caught.value.message == f"{tmp_path}/table.wav has 65 channels: FFmpeg resamples 64 at most"
    assert caught.value.hint == "split it into files of fewer channels"


@pytest.fixture
def film(tmp_path):
    """Two audio streams; the first, which FFmpeg ranks best, is silent."""
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono") for _ in range(2)]
        for stream, sound in zip(streams, (np.zeros(SAMPLE_RATE), tone(1, SAMPLE_RATE)), strict=True):
            frame = av.AudioFrame.from_ndarray(np.int16([sound * 32767]), format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return tmp_path / "film.mkv"


def test_a_stream_can_be_selected(film):
    assert pitch_of(decode_with_warnings(film, stream=2)[0]) == PITCH
    assert warnings_of(film, stream=2) == ()


@pytest.mark.parametrize("stream", [None, 1])
def test_a_silent_stream_beside_another_gives_a_warning(film, stream):
    assert warnings_of(film, stream=stream) == ("audio stream 1 of 2 is silent: use another, with --stream 2",)


def test_a_missing_stream_is_refused(film):
    with pytest.raises(AudioError) as caught:
        decode_with_warnings(film, stream=3)
    assert caught.value.message == f"{film} has no audio stream 3: it has 2"
    assert caught.value.hint == "count audio streams from 1, or use --stream auto"


def test_a_silent_channel_beside_another_gives_a_warning(tmp_path):
    write_wav(tmp_path / "call.wav", [np.zeros(SAMPLE_RATE), tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    warning = "channel 1 is silent: use another, or all with --channel mix"
    assert warnings_of(tmp_path / "call.wav", channel=1) == (warning,)
    assert warnings_of(tmp_path / "call.wav", channel=2) == ()
    assert warnings_of(tmp_path / "call.wav") == ()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_channels_are_decoded_each_alone(tmp_path, count):
    pitches = [200 + 100 * number for number in range(count)]
    path = tmp_path / "call.wav"
    write_channels(path, "pcm_f32le", np.stack([tone(1, 48_000, pitch) for pitch in pitches]), 48_000)
    recording = audio.decode(path, Selection(channel=EACH))
    assert [round(pitch_of(channel)) for channel in recording.channels] == pitches
    for number, channel in enumerate(recording.channels, start=1):
        alone = audio.decode(path, Selection(channel=number))
        np.testing.assert_array_equal(channel.waveform, alone.waveform)
    assert recording.duration == 1
    assert recording.digest == alone.digest


def test_each_silent_channel_is_named(tmp_path):
    path = write_channels(tmp_path / "call.flac", "flac", np.stack([0 * tone(1, 8_000), tone(1, 8_000)]), 8_000)
    assert audio.decode(path, Selection(channel=EACH)).warnings == ("channel 1 is silent",)


def test_channels_that_are_far_above_full_scale_are_scaled_alike(tmp_path):
    path = write_channels(tmp_path / "call.wav", "pcm_f32le", np.stack([tone(1, 16_000), 100 * tone(1, 16_000)]))
    quiet, loud = audio.decode(path, Selection(channel=EACH)).channels
    assert level_of(loud) == pytest.approx(1, rel=0.01)
    assert level_of(quiet) == pytest.approx(0.01, rel=0.01)


def test_separate_channels_share_the_limit_of_length(tmp_path):
    path = write_channels(tmp_path / "call.flac", "flac", np.stack([tone(4, 8_000)] * 2), 8_000)
    decode(path, limit_seconds=5)
    with pytest.raises(AudioError, match=r"is longer than 5 s / 2 channels"):
        decode(path, channel=EACH, limit_seconds=5)


def test_a_silent_recording_has_no_other_part_to_name(tmp_path):
    write_wav(tmp_path / "call.wav", [np.zeros(SAMPLE_RATE)] * 2, SAMPLE_RATE)
    assert warnings_of(tmp_path / "call.wav") == ()


@pytest.mark.parametrize("gain", [1, 0.9])
def test_channels_that_cancel_out_in_their_mean_give_a_warning(tmp_path, gain):
    path = tmp_path / "call.wav"
    write_wav(path, [tone(1, SAMPLE_RATE), -gain * tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    expected = "the channels cancel each other out in their mean: use one of them, with --channel 1"
    assert warnings_of(path) == (expected,)
    assert warnings_of(path, channel=1) == ()


@pytest.mark.parametrize("count", [2, 8, 64])
def test_channels_that_differ_do_not_cancel_out(tmp_path, count):
    voices = 0.1 * np.random.default_rng(1).standard_normal((count, SAMPLE_RATE))
    write_wav(tmp_path / "table.wav", list(voices), SAMPLE_RATE)
    assert warnings_of(tmp_path / "table.wav") == ()


@pytest.mark.parametrize("peak", [3.0, 32_767.0, 1e30])
def test_samples_far_above_full_scale_are_scaled_down_with_a_warning(tmp_path, peak):
    path = tmp_path / "talk.wav"
    write_encoded(path, "pcm_f32le", "mono", SAMPLE_RATE, tone(2, SAMPLE_RATE) / LEVEL * peak)
    recording, (warning,) = decode_with_warnings(path)
    assert np.abs(recording.waveform).max() == pytest.approx(1, abs=0.001)
    assert pitch_of(recording) == PITCH
    assert warning == f"the samples reach {peak:.4g} times full scale, and are scaled down to it"


def test_the_confined_decoder_scales_too(tmp_path):
    write_encoded(tmp_path / "talk.wav", "pcm_f32le", "mono", SAMPLE_RATE, tone(9, SAMPLE_RATE) * 1000)
    recording = audio.decode(tmp_path / "talk.wav")
    assert (recording.duration, np.abs(recording.waveform).max()) == (9, pytest.approx(1, abs=0.001))
    assert len(recording.warnings) == 1


def test_samples_a_little_above_full_scale_are_kept(tmp_path):
    write_encoded(tmp_path / "talk.wav", "pcm_f32le", "mono", SAMPLE_RATE, tone(1, SAMPLE_RATE) / LEVEL * 1.5)
    recording, warnings = decode_with_warnings(tmp_path / "talk.wav")
    assert (np.abs(recording.waveform).max(), warnings) == (pytest.approx(1.5, abs=0.001), ())


HEADERLESS = {"g722": ("g722", 16_000), "sln": ("pcm_s16le", 8_000)}


@pytest.mark.parametrize(("suffix", "encoding"), HEADERLESS.items(), ids=HEADERLESS)
def test_formats_without_a_header_are_known_by_their_suffix(tmp_path, suffix, encoding):
    codec, rate = encoding
    coded = tmp_path / "coded.nut"
    write_encoded(coded, codec, "mono", rate)
    with av.open(str(coded)) as container:
        content = b"".join(bytes(packet) for packet in container.demux(audio=0))
    path = tmp_path / f"talk.{suffix.upper()}"
    path.write_bytes(content)
    recording = decode(path)
    assert recording.duration == pytest.approx(2, abs=0.1)
    assert pitch_of(recording) == pytest.approx(PITCH, abs=1)
    with pytest.raises(AudioError, match="cannot decode"):
        decode(path.rename(tmp_path / "talk.wav"))


def test_gsm_is_known_by_its_suffix(tmp_path):
    (tmp_path / "talk.gsm").write_bytes((b"\xd2" + bytes(32)) * 50)
    assert decode(tmp_path / "talk.gsm").duration == 1


def test_a_suffix_does_not_override_the_content(tmp_path):
    write_wav(tmp_path / "talk.gsm", [tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    assert pitch_of(decode(tmp_path / "talk.gsm")) == PITCH


def test_a_title_that_is_not_utf_8_does_not_matter(tmp_path):
    path = tmp_path / "talk.wav"
    write_wav(path, [tone(1, SAMPLE_RATE)], SAMPLE_RATE)
    content = path.read_bytes() + b"LIST\x10\0\0\0INFOINAM\4\0\0\0caf\xe9"
    path.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])
    assert (decode(path).duration, warnings_of(path)) == (1, ())


def test_a_stream_whose_codec_is_unknown_is_refused(tmp_path):
    path = tmp_path / "talk.mka"
    write_encoded(path, "pcm_s16le", "mono", SAMPLE_RATE)
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))
    with pytest.raises(AudioError, match=r"cannot decode .*: Decoder not found"):
        decode(path)
