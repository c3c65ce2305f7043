"""Recordings of tones and silence, in common containers and codecs."""

import wave

import av
import numpy as np

PITCH = 440
"""Hertz."""
LEVEL = 0.5


def tone(seconds, rate, pitch=PITCH):
    return LEVEL * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def write_wav(path, channels, rate):
    """Write float arrays of equal length, one per channel, as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(np.stack(channels, axis=1) * 32767).astype("<i2").tobytes())


def write_encoded(path, codec, layout, rate, samples=None, **options):
    """Write the same samples to every channel; by default, two seconds of a tone. `options` are FFmpeg's."""
    samples = tone(2, rate) if samples is None else samples
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        channels = np.stack([samples] * stream.layout.nb_channels).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        sound.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        frames = [frame for part in (sound, None) for frame in resampler.resample(part)]
        for frame in (*frames, None):
            container.mux(stream.encode(frame))


def write_film(path, sound):
    """Write one black picture, and a mono sound of 16 kHz unless `sound` is empty."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=16_000, layout="mono") if len(sound) else None
        for picture in (av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"), None):
            container.mux(video.encode(picture))
        if audio:
            samples = av.AudioFrame.from_ndarray(np.float32([sound]), format="fltp", layout="mono")
            samples.sample_rate = 16_000
            for frame in (samples, None):
                container.mux(audio.encode(frame))


def write_silence(path, seconds):
    """Write silence as AAC by repeating one frame, which is fast; an hour takes 0.3 MB."""
    rate, frame = 8_000, 1_024
    write_encoded(path, "aac", "mono", rate, np.zeros(8 * frame))
    *_, silent = _adts_frames(path.read_bytes())
    path.write_bytes(silent * round(seconds * rate / frame))


def _adts_frames(stream):
    """Split an AAC stream at its ADTS headers; bits 31 to 43 hold the frame length."""
    while stream:
        size = (stream[3] & 0b11) << 11 | stream[4] << 3 | stream[5] >> 5
        yield stream[:size]
        stream = stream[size:]
