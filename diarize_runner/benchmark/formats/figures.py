"""Format figures for people."""

NOT_MEASURED = "not measured"
_MINUTE, _HOUR = 60, 3600


def format_duration(seconds: float) -> str:
    """Format a duration of audio, such as `30 s`, `12 min` or `4 h`."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.3g} min"
    return f"{seconds / _HOUR:.3g} h"


def format_seconds(value: float | None) -> str:
    """Format a measured time with three digits, such as `0.41 s` or `1.23 ms`."""
    if value is None:
        return NOT_MEASURED
    if value < 0.1:  # noqa: PLR2004
        return f"{1000 * value:.3g} ms"
    digits = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004
    return f"{value:,.{digits}f} s"


def format_day(date: str | None) -> str:
    """Return the day of an ISO date and time."""
    return date.partition("T")[0] if date else "undated"


def format_percent(value: float | None) -> str:
    """Format 0.062 as `6.2 %`."""
    return NOT_MEASURED if value is None else f"{100 * value:.1f} %"


def format_megabytes(value: float | None) -> str:
    """Format bytes, such as `1,080 MB`."""
    return NOT_MEASURED if value is None else f"{value / 1e6:,.0f} MB"


def format_bool(value: bool | None) -> str:  # noqa: FBT001  # the value to format, not an option
    """Format True as `yes`, False as `NO`."""
    return NOT_MEASURED if value is None else "yes" if value else "NO"


def format_usd(value: float | None) -> str:
    """Format US dollars, with three digits below $1."""
    if value is None:
        return NOT_MEASURED
    return f"${value:,.2f}" if value >= 1 else f"${value:.3g}"
