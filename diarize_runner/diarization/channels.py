"""Names of channels and of their speakers."""

from typing import Final, Literal

EACH: Final = "each"
Channel = int | Literal["each"] | None
"""A channel, from 1; `EACH` for all of them, each alone; None for their mean, with equal weight."""


def channel_label(channel: int) -> str:
    """Return the label of the only speaker in a channel, from 1."""
    return f"CHANNEL_{channel}"


def channel_of(label: str) -> str:
    """Return the channel's part of a speaker's label: `CHANNEL_2` of `CHANNEL_2_SPEAKER_00`."""
    return label.partition("_SPEAKER_")[0]
