"""Decode the packets of one audio stream, past damage, as ffmpeg does.

A packet that cannot be decoded is left out, and an error between packets ends the recording:
https://github.com/FFmpeg/FFmpeg/blob/n8.0/fftools/ffmpeg_dec.c and ffmpeg_demux.c. The loss is counted.
"""

from collections.abc import Iterator
from typing import Final

import av

_LIST_OF_CHANNELS: Final = " channels ("
"""In the name of a layout that lists its channels, as CAF and MOV may: `8 channels (FL+FR+...)`."""
MAX_ERROR_RATE: Final = 2 / 3
"""Share of packets that may fail; ffmpeg's default: https://ffmpeg.org/ffmpeg.html#Advanced-options."""


class PacketDecoder:
    """Decodes a stream and counts what it cannot decode."""

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self._container, self._stream = container, stream
        _drop_custom_layout(stream)
        self._packets = self._failed = 0
        self.errors = 0
        """Packets that could not be decoded, and an error between packets."""
        self.seconds = 0.0
        """Seconds decoded so far."""
        self.lost = 0.0
        """Seconds of packets that could not be decoded, as far as they state them."""
        self.damaged_at: float | None = None
        """Seconds decoded before the first error; None without one."""
        self.first_error: av.FFmpegError | None = None

    def frames(self) -> Iterator[av.AudioFrame]:
        """Yield the frames; raise the first error if none, or too few, could be decoded."""
        for packet in self._read_packets():
            self._packets += bool(packet and packet.size)  # the last one is empty, and flushes the decoder
            for frame in self._decode(packet):
                self.seconds += frame.samples / frame.sample_rate
                yield frame
        if self.first_error and (not self.seconds or self._failed > MAX_ERROR_RATE * self._packets):
            raise self.first_error

    def _read_packets(self) -> Iterator["av.Packet[av.AudioStream] | None"]:
        try:
            yield from self._container.demux(self._stream)
        except MemoryError:
            raise
        except IndexError:  # PyAV flushes streams, after ours, that damage made FFmpeg find while it read
            return
        except av.FFmpegError as error:
            self._note(error)
            yield None  # flushes the decoder

    def _decode(self, packet: "av.Packet[av.AudioStream] | None") -> list[av.AudioFrame]:
        try:
            return self._stream.decode(packet)
        except MemoryError:
            raise
        except av.FFmpegError as error:
            self._note(error)
            self._failed += 1
            if packet and packet.duration and packet.time_base:
                self.lost += float(packet.duration * packet.time_base)
            return []

    def _note(self, error: av.FFmpegError) -> None:
        self.errors += 1
        if self.first_error is None:
            self.first_error, self.damaged_at = error, self.seconds


def _drop_custom_layout(stream: av.AudioStream) -> None:
    """Keep only the number of channels from a layout that lists them.

    PyAV copies the pointer to such a list for each frame, and frees it with each:
    https://github.com/PyAV-Org/PyAV/pull/2284.
    """
    layout = stream.codec_context.layout
    if _LIST_OF_CHANNELS in layout.name:
        stream.codec_context.layout = f"{layout.nb_channels} channels"
