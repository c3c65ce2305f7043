"""What a pipeline's config.yaml has pyannote import, and which files it has it load.

`Pipeline.from_pretrained` imports whatever `pipeline.name` and `preprocessors.*.name` name, and hands the pipeline its
`params`, which name the models to load (core/pipeline.py of pyannote.audio 4.0.7). A model is loaded from any file that
is named; so that none is loaded that was not rewritten, models may only be named as parts of the
repository or as other repositories.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import yaml

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.snapshot import REPO_ID
from diarize_runner.errors import UnsafeCheckpoint

CONFIG_NAME = "config.yaml"
_LARGEST = 2**16
"""Bytes, which take seconds to read. A pipeline's config has about a thousand."""
_DEEPEST = 20
_PART = r"/(?!\.{1,2}(/|$))[^/]+"
_NO_PATH = re.compile(rf"(?!\.{{1,2}}$)[^/]*|\$model({_PART})+|{REPO_ID}(@[^/]+)?", re.DOTALL)
"""Plain text, a part of the repository, or a repository."""


def config_classes(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes that a pipeline's config.yaml names, sorted; none for any other file.

    `name` is the file's own name, for `path` may be a blob.

    Raises:
        UnsafeCheckpoint: as `parse_config` says.
    """
    if PurePosixPath(name).name != CONFIG_NAME:
        return ()
    with path.open("rb") as file:
        config = parse_config(file.read(_LARGEST + 1), name)
    return tuple(sorted({*_classes(config)})) if config else ()


def parse_config(data: bytes, name: str) -> Mapping[str, object] | None:
    """Return what a pipeline's config.yaml holds, or None where `data` configures no pipeline.

    Raises:
        UnsafeCheckpoint: it is no YAML, or too large, or has aliases, or is a pipeline's and names a path.
    """
    if len(data) > _LARGEST:
        raise UnsafeCheckpoint(f"{name}: more than {_LARGEST:,} bytes", hint="a pipeline's config has about a thousand")
    try:
        events = list(_plain_events(data, name))
        config = yaml.safe_load(data)
    except canonical.YAML_FAULTS as reason:
        raise UnsafeCheckpoint(f"{name}: not YAML that can be read safely: {reason}") from reason
    if not isinstance(config, dict) or "pipeline" not in config:
        return None
    _require_no_path(events, name)
    return config


def _plain_events(data: bytes, name: str) -> Iterator[yaml.Event]:
    """Yield the events, and refuse what takes far more than its bytes, before any value is made.

    A few lines of aliases stand for more than a machine can hold, and 5,000 brackets take a scanner 12 s.
    """
    depth = 0
    for event in yaml.parse(data, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise UnsafeCheckpoint(f"{name} is nested more than {_DEEPEST} deep", hint="a pipeline's config is 4 deep")
        if isinstance(event, yaml.AliasEvent):
            raise UnsafeCheckpoint(f"{name} has an alias: *{event.anchor}", hint="write out what it stands for")
        yield event


def _require_no_path(events: Iterable[yaml.Event], name: str) -> None:
    for event in events:
        if isinstance(event, yaml.ScalarEvent) and not _NO_PATH.fullmatch(event.value):
            hint = "name a model $model/folder, or by its repository, organisation/name"
            raise UnsafeCheckpoint(f"{name} names a path: {event.value!r}", hint=hint)


def _classes(config: Mapping[str, object]) -> Iterator[str]:
    preprocessors = config.get("preprocessors")
    named = preprocessors.values() if isinstance(preprocessors, dict) else ()
    for described in (config["pipeline"], *named):
        if isinstance(described, dict) and isinstance(name := described.get("name"), str):
            yield name
