"""Make a voice from recordings of one person, and refuse recordings of two."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

from diarize_runner.diarization.turns import NO_HINTS, Diarization
from diarize_runner.errors import VoiceError
from diarize_runner.jobs.device_lock import device_turn
from diarize_runner.progress import ConsoleProgress, Progress
from diarize_runner.voices.document import Voice
from diarize_runner.voices.file import add_voice, find_voices, require_embedding_model

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.voices import SpeakerVoice

MIN_SECONDS: Final = 3.0
"""Of speech."""
_LEAST_COSINE: Final = 0.3
"""Of two recordings of one person, of which one may be by telephone; of two people it is lower, except by telephone:
docs/benchmarks/voices-2026-11-30.json."""
_OTHERS_SHARE: Final = 0.1
"""Of the speech: as much as a diarization may give to others in a recording of one person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    """The voice of the person who speaks most in a recording."""

    uri: str
    voices: Sequence["SpeakerVoice"]
    """As it was recorded, and as telephones would carry it."""

    @property
    def seconds(self) -> float:
        """Of speech."""
        return self.voices[0].seconds


def enroll_in(
    path: Path, name: str, recordings: Sequence["Recording"], diarizer: "Diarizer", progress: ConsoleProgress
) -> Voice:
    """Keep the voice of a person in a file of voices, in place of one of the name; return it.

    Raises:
        VoiceError: another model made the voices in the file, or there is none.
        DiskError: the file cannot be written.

    It also raises as `enroll` and `VoiceFile.load` do.
    """
    model = require_embedding_model(diarizer.embedding_model)
    if file := find_voices(path):
        file.require_model(model)
    voice = enroll(name, recordings, diarizer, progress)
    add_voice(path, voice, model)
    return voice


def enroll(name: str, recordings: Sequence["Recording"], diarizer: "Diarizer", progress: ConsoleProgress) -> Voice:
    """Return the voice of the person who speaks in all of the recordings.

    Raises:
        VoiceError: several people speak, or one for too short a time.
        PipelineError: the pipeline failed on a recording.
    """
    heard = [each for recording in recordings for each in _hear(recording, diarizer, progress)]
    seconds = sum(each.seconds for each in heard)
    if seconds < MIN_SECONDS:
        hint = "name a longer recording of this person, or several; 10 to 30 s of speech are best"
        raise VoiceError(f"{seconds:.1f} s of speech, of {MIN_SECONDS:g} s at least", hint=hint)
    _require_one_person(heard)
    enrolled = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Voice(name=name, enrolled=enrolled, seconds=seconds, embeddings=_averages(heard))


def _hear(recording: "Recording", diarizer: "Diarizer", progress: ConsoleProgress) -> list[_Heard]:
    """Return the voice in a recording; none if it has too little speech to embed."""
    with device_turn(diarizer.device, progress):
        diarization = diarizer.diarize(recording, NO_HINTS, progress)
        speaker = _only_speaker(diarization)
        voices = hear_speaker(speaker, recording, diarization, diarizer, progress) if speaker else []
    return [_Heard(uri=recording.uri, voices=voices)] if voices else []


def hear_speaker(
    speaker: str, recording: "Recording", diarization: Diarization, diarizer: "Diarizer", progress: Progress
) -> Sequence["SpeakerVoice"]:
    """Return a speaker's voice as it was recorded and as telephones would carry it; none of too little speech."""
    from diarize_runner.diarization.telephone import also_by_telephone

    found = [diarizer.embed_speakers(each, diarization, progress) for each in also_by_telephone(recording)]
    heard = [voices[speaker] for voices in found if speaker in voices]
    return heard if len(heard) == len(found) else []


def _averages(heard: Sequence[_Heard]) -> tuple[tuple[float, ...], ...]:
    """Return the embeddings of a voice, averaged over the recordings."""
    from diarize_runner.diarization.voices import average

    weights = [each.seconds for each in heard]
    versions = zip(*([voice.embedding for voice in each.voices] for each in heard), strict=True)
    return tuple(tuple(map(float, average(version, weights))) for version in versions)


def _only_speaker(diarization: Diarization) -> str | None:
    """Return who speaks; None if nobody does. Raises VoiceError if others have more than a small share."""
    spoken = defaultdict[str, float](float)
    for turn in diarization.turns:
        spoken[turn.speaker] += turn.duration
    if not spoken:
        return None
    speaker = max(spoken, key=lambda label: spoken[label])
    share = 1 - spoken[speaker] / sum(spoken.values())
    if share > _OTHERS_SHARE:
        hint = "name a recording in which one person speaks, or a part of this one"
        raise VoiceError(f"{diarization.uri}: several people speak: {share:.0%} of the speech is others'", hint=hint)
    return speaker


def _require_one_person(heard: Sequence[_Heard]) -> None:
    """Raise VoiceError if the voices of two recordings differ."""
    for one, other in combinations(heard, 2):
        if float(one.voices[0].embedding @ other.voices[0].embedding) < _LEAST_COSINE:
            hint = "name recordings of one person, or enroll each under its own name"
            raise VoiceError(f"{one.uri} and {other.uri}: their voices differ", hint=hint)
