"""Figures as people read them."""

NOT_MEASURED = "not measured"
_MINUTE, _HOUR = 60, 3600


def length(seconds: float) -> str:
    """Return how long audio is, such as `30 s`, `12 min` or `4 h`."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.3g} min"
    return f"{seconds / _HOUR:.3g} h"


def seconds(value: float | None) -> str:
    """Return a time that was measured, to three digits, such as `0.41 s` or `1.23 ms`."""
    if value is None:
        return NOT_MEASURED
    if value < 0.1:  # noqa: PLR2004
        return f"{1000 * value:.3g} ms"
    digits = 2 if value < 10 else 1 if value < 100 else 0  # noqa: PLR2004
    return f"{value:,.{digits}f} s"


def day(date: str | None) -> str:
    """Return the day of a date and time."""
    return date.partition("T")[0] if date else "undated"


def share(value: float | None) -> str:
    """Return 0.062 as `6.2 %`."""
    return NOT_MEASURED if value is None else f"{100 * value:.1f} %"


def megabytes(value: float | None) -> str:
    """Return bytes as `1,080 MB`."""
    return NOT_MEASURED if value is None else f"{value / 1e6:,.0f} MB"


def yes_or_no(value: bool | None) -> str:  # noqa: FBT001  # it is what is said, not how
    """Return what was found."""
    return NOT_MEASURED if value is None else "yes" if value else "NO"


def dollars(value: float | None) -> str:
    """Return a sum of US dollars, as many digits as it takes."""
    if value is None:
        return NOT_MEASURED
    return f"${value:,.2f}" if value >= 1 else f"${value:.3g}"
