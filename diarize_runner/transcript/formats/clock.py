"""Format times for people and subtitles."""


def to_milliseconds(seconds: float) -> int:
    """Return the nearest whole millisecond, the precision of all formats."""
    return round(seconds * 1000)


def format_timestamp(seconds: float, point: str) -> str:
    """Return `01:01:01.500`, with `point` before the milliseconds; hours have at least two digits."""
    # Round before the split, so that a carry reaches the seconds: never `,1000`.
    whole, thousandths = divmod(to_milliseconds(seconds), 1000)
    return f"{_format_clock(whole)}{point}{thousandths:03d}"


def format_clock(seconds: float) -> str:
    """Return `01:01:01`, rounded down to the second."""
    return _format_clock(to_milliseconds(seconds) // 1000)


def _format_clock(whole: int) -> str:
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def format_short(seconds: float) -> str:
    """Return `1:05`, or from one hour on `1:01:05`, rounded down to the second."""
    hours, rest = divmod(to_milliseconds(seconds) // 1000, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
