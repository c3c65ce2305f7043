"""The limits of a cue.

The defaults are Netflix's, with its reading speed for adults:
https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617 (lines, seconds) and
https://backlothelp.netflix.com/hc/en-us/articles/219375728 (characters). The BBC asks for one sentence in a subtitle:
https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles/.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SubtitleLayout:
    """How much a cue holds; a wide character, such as a Chinese one, counts as two."""

    line_length: int = 42
    """Characters in a line, the speaker's label included."""
    lines: int = 2
    min_seconds: float = 0.833
    max_seconds: float = 7.0
    reading_speed: float = 17.0
    """Characters per second, without the speaker's label."""

    def __post_init__(self) -> None:
        """Raise ValueError if no cue could keep the limits."""
        if min(self.line_length, self.lines, self.reading_speed, self.max_seconds) <= 0 or self.min_seconds < 0:
            raise ValueError("the limits of subtitles are greater than 0")
        if self.min_seconds > self.max_seconds:
            raise ValueError(f"no subtitle lasts {self.min_seconds:g} s at least and {self.max_seconds:g} s at most")


DEFAULT_LAYOUT = SubtitleLayout()
