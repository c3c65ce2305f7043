"""What a benchmark does, as a file says it.

    format: diarize-runner/workload/1
    name: two-calls
    engines: [stock, exact]           # optional, as all that follows: exact
    devices: [cpu]                    # auto
    warmups: 1                        # calls of each recording that do not count
    repeats: 3                        # calls that do
    starts: 1                         # new processes, for what is cold
    batches: [1, 16]                  # the first recording so many times in one new process
    recordings:
      - sample                        # the 30 s conversation that ships inside pyannote.audio
      - path: calls/monday.m4a        # from the file's own folder, with what is known of it
        reference: calls/monday.rttm
        transcript: calls/monday.json
        hints: {at_most: 4}           # or exactly, at_least
      - scene: {name: hour, seconds: 3600, speakers: 4}   # composed: see compose/scene.py for what else it may say

Names of files that ship with the package stand for them: default, guide, scale.
"""

from collections import Counter
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

import yaml

from diarize_runner.benchmark.bounds import some
from diarize_runner.benchmark.compose.scene import MOST_SPEAKERS, Scene, compose
from diarize_runner.benchmark.item import WorkItem, shipped_sample
from diarize_runner.cache.documents.canonical import YAML_FAULTS
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.engines import ENGINES, EXACT
from diarize_runner.diarization.turns import SpeakerHints, uri_of
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError, UsageError

_MOST_CALLS, _MOST_RECORDINGS = 10_000, 1_000
_COUNTS = ("warmups", "repeats", "starts")
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_LONGEST_SCENE = 8 * 3600.0
_SHIPPED = resources.files("diarize_runner.benchmark") / "workloads"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """What is diarized, by what, and how often."""

    name: str
    recordings: tuple[WorkItem | Scene, ...]
    engines: tuple[str, ...] = (EXACT,)
    devices: tuple[str, ...] = ("auto",)
    warmups: int = 1
    repeats: int = 3
    starts: int = 1
    batches: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.starts < 1:
            raise UsageError(f"{self.name}: repeats and starts must be 1 or more")
        twice = [name for name, count in Counter(map(_name_of, self.recordings)).items() if count > 1]
        if twice:
            raise UsageError(f"{self.name}: two recordings are called {twice[0]}", hint="give them different names")

    def items(self, folder: Path) -> tuple[WorkItem, ...]:
        """Return what is to be diarized, with scenes composed in `folder`.

        Raises:
            DiskError: a recording, or what is known of it, is not where the workload says, or `folder` cannot take
                what is composed.
        """
        for each in self.recordings:
            if isinstance(each, WorkItem):
                each.require_there()
        with disk_errors(folder):
            return tuple(
                each if isinstance(each, WorkItem) else compose(each).write(folder) for each in self.recordings
            )


def shipped_workloads() -> list[str]:
    """Return the names of the workloads that ship with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def read_workload(name: str) -> Workload:
    """Read the workload of this name, or in the file of this name.

    Raises:
        ManifestError: it is missing, not YAML, or wrong; the message names the place.
        UsageError: it has the shipped sample diarized, which is not installed here.
    """
    path = Path(name)
    try:
        shipped = name in shipped_workloads()
        text = (_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8") if shipped else path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (OSError, *YAML_FAULTS) as reason:
        hint = f"name a file, or one of: {', '.join(shipped_workloads())}"
        raise ManifestError(f"{name}: no workload can be read: {reason}", hint=hint) from reason
    return _workload(Node(value=document, document=name), path.parent)


def _workload(node: Node, folder: Path) -> Workload:
    node.require_format("workload", 1)
    at = node.fields(["format", "name", "recordings"], optional=["engines", "devices", *_COUNTS, "batches"])
    return Workload(
        name=at["name"].matching(_NAME, "a name without blanks"),
        recordings=tuple(_recording(each, folder) for each in some(at["recordings"], _MOST_RECORDINGS)),
        engines=_each(at["engines"], "|".join(ENGINES)) if "engines" in at else (EXACT,),
        devices=_each(at["devices"], "auto|cuda|cpu") if "devices" in at else ("auto",),
        batches=tuple(map(_calls, at["batches"].items())) if "batches" in at else (),
        **{name: _calls(at[name]) for name in _COUNTS if name in at},
    )


def _calls(node: Node) -> int:
    number = node.count()
    if number > _MOST_CALLS:
        raise node.error(f"{number} is more than {_MOST_CALLS:,}")
    return number


def _each(node: Node, pattern: str) -> tuple[str, ...]:
    return tuple(each.matching(pattern, f"one of {pattern.replace('|', ', ')}") for each in node.items())


def _recording(node: Node, folder: Path) -> WorkItem | Scene:
    if node.value == "sample":
        return shipped_sample()
    if "scene" in node.entries():
        return _scene(node.fields(["scene"])["scene"])
    at = node.fields(["path"], optional=["reference", "transcript", "hints"])
    return WorkItem(
        audio=folder / at["path"].text(),
        reference=folder / at["reference"].text() if "reference" in at else None,
        transcript=folder / at["transcript"].text() if "transcript" in at else None,
        hints=_hints(at["hints"]) if "hints" in at else SpeakerHints(),
    )


def _scene(node: Node) -> Scene:
    numbers = ("pause", "overlap", "noise")
    at = node.fields(["name", "seconds", "speakers"], optional=[*numbers, "music"])
    speakers, seconds = at["speakers"].count(), at["seconds"].number()
    if speakers > MOST_SPEAKERS:
        raise at["speakers"].error(f"there are {MOST_SPEAKERS} voices, not {speakers}")
    if not 0 < seconds <= _LONGEST_SCENE:
        raise at["seconds"].error(f"a scene lasts no longer than {_LONGEST_SCENE:g} s, and not {seconds:g}")
    return Scene(
        name=at["name"].matching(_NAME, "a name without blanks"),
        seconds=seconds,
        speakers=speakers,
        music=_interval(at["music"]) if "music" in at else None,
        **{name: at[name].number() for name in numbers if name in at},
    )


def _interval(node: Node) -> tuple[float, float]:
    numbers = [each.number() for each in node.items()]
    if len(numbers) != 2 or numbers[0] >= numbers[1]:  # noqa: PLR2004
        raise node.error("expected [start, end], in seconds")
    return numbers[0], numbers[1]


def _hints(node: Node) -> SpeakerHints:
    at = node.fields([], optional=[field.name for field in fields(SpeakerHints)])
    return SpeakerHints(**{name: each.count() for name, each in at.items()})


def _name_of(recording: WorkItem | Scene) -> str:
    return uri_of(recording.audio.stem) if isinstance(recording, WorkItem) else recording.name
