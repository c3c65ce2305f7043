"""Look at a result once, and warn where it may be wrong.

A transcript of another recording, or in another unit of time, gives a result that looks whole. So each result is
compared with its recording; a warning names what does not fit, and does not stop the work.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from diarize_runner.transcript.formats.clock import format_short
from diarize_runner.transcript.formats.fields import field
from diarize_runner.transcript.model import LabelledTranscript

_MARGIN = 1.0
"""Seconds by which a transcript may end after its recording: transcribers round up."""
_OTHER_END_SECONDS = 30.0
"""Least seconds between the ends of transcript and speech: the length of Whisper's window."""
_OTHER_END_SHARE = 0.2
"""Least share of those seconds in the longer of the two."""


def review(
    labelled: LabelledTranscript, *, names: Collection[str] = (), audio_seconds: float | None = None
) -> LabelledTranscript:
    """Return the result with a warning for each thing that does not fit.

    `names` are what the transcript may call the recording, empty if it names none; `audio_seconds` is None if unknown.
    """
    found = (
        *_find_other_name(labelled.uri, names),
        *_find_beyond(labelled, audio_seconds),
        *_find_other_end(labelled, audio_seconds),
        *_find_unassigned(labelled),
    )
    return replace(labelled, warnings=(*labelled.warnings, *found))


def _find_other_name(uri: str, names: Collection[str]) -> Iterator[str]:
    """Yield a warning if the transcript names another recording; a name may add to the recording's: `call.en`."""
    if names and not any(field(name).startswith(field(uri)) for name in names):
        yield f"the transcript is of {next(iter(names))!r}, but the speaker turns are of {uri!r}"


def _find_beyond(labelled: LabelledTranscript, audio_seconds: float | None) -> Iterator[str]:
    """Yield a warning if segments end after the recording."""
    if audio_seconds is None:
        return
    beyond = [segment.end for segment in labelled.segments if segment.end > audio_seconds + _MARGIN]
    if beyond:
        ends = f"the transcript ends at {format_short(max(beyond))}, the recording at {format_short(audio_seconds)}"
        yield f"{ends}: {len(beyond)} of {len(labelled.segments)} segments end after the recording"


def _find_other_end(labelled: LabelledTranscript, audio_seconds: float | None) -> Iterator[str]:
    """Yield a warning if the speech ends long after the transcript, or, in audio of unknown length, before it."""
    speech_end = max((turn.end for turn in labelled.diarization.turns), default=0.0)
    end = max((segment.end for segment in labelled.segments), default=0.0)
    difference, later = speech_end - end, max(speech_end, end)
    is_short, is_long = difference > 0, difference < 0 < speech_end and audio_seconds is None
    if (is_short or is_long) and abs(difference) > max(_OTHER_END_SECONDS, _OTHER_END_SHARE * later):
        yield f"the transcript ends at {format_short(end)}, but the last speaker turn at {format_short(speech_end)}"


def _find_unassigned(labelled: LabelledTranscript) -> Iterator[str]:
    """Yield a warning if no speaker was found for half of the segments or more."""
    total, without = len(labelled.segments), sum(segment.speaker is None for segment in labelled.segments)
    if without and 2 * without >= total:
        yield f"{without} of {total} segments have no speaker: check that transcript and recording belong together"
