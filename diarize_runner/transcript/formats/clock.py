"""Times as people and subtitles read them."""


def milliseconds(seconds: float) -> int:
    """Return the nearest whole millisecond: what every format here can say."""
    return round(seconds * 1000)


def timestamp(seconds: float, point: str) -> str:
    """Return `01:01:01.500`, with `point` before the milliseconds; hours have two digits, or as many as they need."""
    # Rounded before it is split, so that a carry reaches the seconds: never `,1000`.
    whole, thousandths = divmod(milliseconds(seconds), 1000)
    return f"{_clock(whole)}{point}{thousandths:03d}"


def clock(seconds: float) -> str:
    """Return `01:01:01`, of the second that is going on."""
    return _clock(milliseconds(seconds) // 1000)


def _clock(whole: int) -> str:
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def brief(seconds: float) -> str:
    """Return `1:05`, or from an hour on `1:01:05`: minutes and seconds, as on a player."""
    hours, rest = divmod(milliseconds(seconds) // 1000, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
