"""How a result came about: what is needed to have it again, and to know that it is the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.digests import Digest
from diarize_runner.transcript.rules import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheUsed:
    """The models that found the speakers."""

    name: str
    version: str
    manifest: Digest
    """The version's identity: it pins every file of the models."""
    requirements: Digest
    """Of the lock that pins every package they were published to run with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What went in, and what it went through."""

    tool: str
    """Its name and version."""
    cache: CacheUsed
    engine: str
    device: str
    """`cuda` or `cpu`."""
    packages: Mapping[str, str]
    """Version by distribution, of those that compute."""
    audio: Digest
    """Of the file as it was given."""
    audio_seconds: float
    transcript: Digest | None
    """Of the file as it was given; None where there was none."""
    hints: SpeakerHints
    channel: int | None = None
    """From 1; None where all were mixed."""
    rules: Rules | None = None
    """By which the transcript has its speakers; None where there was none."""

    def to_dict(self) -> dict[str, object]:
        """Return the provenance as JSON holds it; what was not given is left out."""
        chosen = {
            "channel": self.channel,
            "num_speakers": self.hints.exactly,
            "min_speakers": self.hints.at_least,
            "max_speakers": self.hints.at_most,
        }
        return {
            "tool": self.tool,
            "cache": {
                "name": self.cache.name,
                "version": self.cache.version,
                "manifest": str(self.cache.manifest),
                "requirements": str(self.cache.requirements),
            },
            "engine": self.engine,
            "device": self.device,
            "packages": dict(self.packages),
            "audio": {"digest": str(self.audio), "seconds": round(self.audio_seconds, 3)},
            **({"transcript": {"digest": str(self.transcript)}} if self.transcript else {}),
            **({"rules": _given(asdict(self.rules))} if self.rules else {}),
            **_given(chosen),
        }


def _given(chosen: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in chosen.items() if value is not None}
