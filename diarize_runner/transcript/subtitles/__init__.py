"""Subtitles: the cues that SRT and WebVTT write.

`layout` has the limits of a cue, `tokens` the words that a line can end after, `partition` where lines and cues end,
and `cues` the cues of a transcript.
"""
