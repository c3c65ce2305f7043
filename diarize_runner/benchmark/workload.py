"""A benchmark's workload: recordings, engines, devices and repeats, in a YAML file.

    format: diarize-runner/workload/1
    name: two-calls
    engines: [stock, exact]           # default: [auto]
    devices: [cpu]                    # default: [auto]
    warmups: 1                        # untimed calls per recording (default: 1)
    repeats: 3                        # timed calls per recording (default: 3)
    starts: 1                         # new processes, for cold starts (default: 1)
    batches: [1, 16]                  # times to diarize the first recording in one new process (default: none)
    recordings:
      - sample                        # the 30 s conversation that ships with pyannote.audio
      - path: calls/monday.m4a        # relative to this file; the other keys are optional
        reference: calls/monday.rttm
        uem: calls/monday.uem         # the regions to score
        transcript: calls/monday.json         # to label with speakers
        spoken: calls/monday.stm              # what was said, for WER with --transcribe
        hints: {at_most: 4}           # or exactly, at_least
      - scene: {name: hour, seconds: 3600, speakers: 4}   # composed: see compose/scene.py for more keys

Workloads that ship with the package have names: default, guide, scale. A folder of recordings with references is a
workload too: see folder.py.
"""

from collections import Counter
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

import yaml

from diarize_runner.benchmark.bounds import read_items
from diarize_runner.benchmark.compose.scene import MAX_SPEAKERS, Scene, compose
from diarize_runner.benchmark.folder import read_folder
from diarize_runner.benchmark.item import WorkItem, shipped_sample
from diarize_runner.cache.documents.canonical import YAML_ERRORS
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.engines import AUTO, ENGINES
from diarize_runner.diarization.turns import SpeakerHints, uri_from_stem
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError, UsageError

_MAX_CALLS, _MAX_RECORDINGS = 10_000, 1_000
_COUNTS = ("warmups", "repeats", "starts")
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MAX_SCENE_SECONDS = 8 * 3600.0
_SHIPPED = resources.files("diarize_runner.benchmark") / "workloads"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """Recordings, the engines and devices that diarize them, and the number of calls."""

    name: str
    recordings: tuple[WorkItem | Scene, ...]
    engines: tuple[str, ...] = (AUTO,)
    devices: tuple[str, ...] = ("auto",)
    warmups: int = 1
    repeats: int = 3
    starts: int = 1
    batches: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.repeats < 1 or self.starts < 1:
            raise UsageError(f"{self.name}: repeats and starts must be 1 or more")
        duplicates = [name for name, count in Counter(map(_name_of, self.recordings)).items() if count > 1]
        if duplicates:
            raise UsageError(f"{self.name}: two recordings are named {duplicates[0]}", hint="rename one of them")

    def items(self, folder: Path) -> tuple[WorkItem, ...]:
        """Return the recordings; compose scenes in `folder`.

        Raises:
            DiskError: a file of the workload is missing, or `folder` cannot be written.
        """
        for each in self.recordings:
            if isinstance(each, WorkItem):
                each.require_files()
        with disk_errors(folder):
            return tuple(
                each if isinstance(each, WorkItem) else compose(each).write(folder) for each in self.recordings
            )


def shipped_workloads() -> list[str]:
    """Return the names of the package's workloads."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def read_workload(name: str) -> Workload:
    """Read a shipped workload by its name, or a file or a folder of recordings by its path.

    Raises:
        ManifestError: the file is missing, not YAML, or invalid; the message names the path in it.
        UsageError: the workload contains `sample`, and pyannote.audio is not installed; or as `read_folder`.
        RttmError, DiskError: as `read_folder`.
    """
    path, shipped = Path(name), name in shipped_workloads()
    if is_folder(name):
        return Workload(name=path.resolve().name, recordings=read_folder(path), warmups=0, repeats=1)
    try:
        text = (_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8") if shipped else path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (OSError, *YAML_ERRORS) as reason:
        hint = f"name a file, or one of: {', '.join(shipped_workloads())}"
        raise ManifestError(f"{name}: the workload cannot be read: {reason}", hint=hint) from reason
    return _workload(Node(value=document, document=name), path.parent)


def is_folder(name: str) -> bool:
    """Whether a workload's name is a path of a folder."""
    return name not in shipped_workloads() and Path(name).is_dir()


def _workload(node: Node, folder: Path) -> Workload:
    node.require_format("workload", 1)
    at = node.fields(["format", "name", "recordings"], optional=["engines", "devices", *_COUNTS, "batches"])
    return Workload(
        name=at["name"].matching(_NAME, "a name without spaces"),
        recordings=tuple(_recording(each, folder) for each in read_items(at["recordings"], _MAX_RECORDINGS)),
        engines=_choices(at["engines"], "|".join(ENGINES)) if "engines" in at else (AUTO,),
        devices=_choices(at["devices"], "auto|cuda|cpu") if "devices" in at else ("auto",),
        batches=tuple(map(_count, at["batches"].items())) if "batches" in at else (),
        **{name: _count(at[name]) for name in _COUNTS if name in at},
    )


def _count(node: Node) -> int:
    number = node.count()
    if number > _MAX_CALLS:
        raise node.error(f"{number} is more than {_MAX_CALLS:,}")
    return number


def _choices(node: Node, pattern: str) -> tuple[str, ...]:
    return tuple(each.matching(pattern, f"one of {pattern.replace('|', ', ')}") for each in node.items())


def _recording(node: Node, folder: Path) -> WorkItem | Scene:
    if node.value == "sample":
        return shipped_sample()
    if "scene" in node.entries():
        return _scene(node.fields(["scene"])["scene"])
    at = node.fields(["path"], optional=["reference", "uem", "transcript", "spoken", "hints"])
    return WorkItem(
        audio=folder / at["path"].text(),
        reference=folder / at["reference"].text() if "reference" in at else None,
        uem=folder / at["uem"].text() if "uem" in at else None,
        transcript=folder / at["transcript"].text() if "transcript" in at else None,
        spoken=folder / at["spoken"].text() if "spoken" in at else None,
        hints=_hints(at["hints"]) if "hints" in at else SpeakerHints(),
    )


def _scene(node: Node) -> Scene:
    numbers = ("pause", "overlap", "noise")
    at = node.fields(["name", "seconds", "speakers"], optional=[*numbers, "music"])
    speakers, seconds = at["speakers"].count(), at["seconds"].number()
    if speakers > MAX_SPEAKERS:
        raise at["speakers"].error(f"a scene has at most {MAX_SPEAKERS} speakers, not {speakers}")
    if not 0 < seconds <= _MAX_SCENE_SECONDS:
        raise at["seconds"].error(f"a scene lasts at most {_MAX_SCENE_SECONDS:g} s, not {seconds:g} s")
    return Scene(
        name=at["name"].matching(_NAME, "a name without spaces"),
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
    return uri_from_stem(recording.audio.stem) if isinstance(recording, WorkItem) else recording.name
