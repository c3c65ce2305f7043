"""Find the classes that a pipeline's config.yaml makes pyannote import, and refuse file paths in it.

`Pipeline.from_pretrained` imports the names in `pipeline.name` and `preprocessors.*.name`, and passes `params`, which
name the models to load, to the pipeline (core/pipeline.py of pyannote.audio 4.0.7). It loads a model from any file, so
a config may name models only as folders of its repository or as other repositories, whose checkpoints are clean.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import yaml

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.snapshot import REPO_ID
from diarize_runner.errors import UnsafeCheckpoint

CONFIG_NAME = "config.yaml"
_MAX_BYTES = 2**16
"""In bytes; PyYAML takes seconds to parse as many. A pipeline's config has about a thousand."""
_MAX_DEPTH = 20
_PART = r"/(?!\.{1,2}(/|$))[^/]+"
_NOT_A_PATH = re.compile(rf"(?!\.{{1,2}}$)[^/]*|\$model({_PART})+|{REPO_ID}(@[^/]+)?", re.DOTALL)
"""Text without a slash, a folder of the repository, or a repository."""


def config_classes(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes that a pipeline's config.yaml names, sorted; empty for any other file.

    Args:
        path: the file to read; may be a blob.
        name: its path in the repository.

    Raises:
        UnsafeCheckpoint: see `parse_config`.
    """
    if PurePosixPath(name).name != CONFIG_NAME:
        return ()
    with path.open("rb") as file:
        config = parse_config(file.read(_MAX_BYTES + 1), name)
    return tuple(sorted({*_classes(config)})) if config else ()


def parse_config(data: bytes, name: str) -> Mapping[str, object] | None:
    """Return the contents of a pipeline's config.yaml, or None when `data` configures no pipeline.

    Raises:
        UnsafeCheckpoint: `data` is not YAML, is too large or deep, or has aliases; or a pipeline's config names a path.
    """
    if len(data) > _MAX_BYTES:
        hint = "shorten it: a pipeline's config has about a thousand bytes"
        raise UnsafeCheckpoint(f"{name}: more than {_MAX_BYTES:,} bytes", hint=hint)
    try:
        events = list(_plain_events(data, name))
        config = yaml.safe_load(data)
    except canonical.YAML_ERRORS as reason:
        raise UnsafeCheckpoint(f"{name}: malformed YAML: {reason}") from reason
    if not isinstance(config, dict) or "pipeline" not in config:
        return None
    _reject_paths(events, name)
    return config


def _plain_events(data: bytes, name: str) -> Iterator[yaml.Event]:
    """Yield YAML events; refuse aliases and deep nesting before any value is built.

    A few lines of aliases expand beyond all memory, and 5,000 nested brackets take PyYAML's scanner 12 s.
    """
    depth = 0
    for event in yaml.parse(data, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            hint = "flatten it: a pipeline's config has 4 levels"
            raise UnsafeCheckpoint(f"{name} has more than {_MAX_DEPTH} levels of nesting", hint=hint)
        if isinstance(event, yaml.AliasEvent):
            raise UnsafeCheckpoint(f"{name} has an alias: *{event.anchor}", hint="replace the alias with its value")
        yield event


def _reject_paths(events: Iterable[yaml.Event], name: str) -> None:
    for event in events:
        if isinstance(event, yaml.ScalarEvent) and not _NOT_A_PATH.fullmatch(event.value):
            hint = "name a model as $model/folder or organisation/name"
            raise UnsafeCheckpoint(f"{name} names a path: {event.value!r}", hint=hint)


def _classes(config: Mapping[str, object]) -> Iterator[str]:
    preprocessors = config.get("preprocessors")
    entries = preprocessors.values() if isinstance(preprocessors, dict) else ()
    for entry in (config["pipeline"], *entries):
        if isinstance(entry, dict) and isinstance(name := entry.get("name"), str):
            yield name
