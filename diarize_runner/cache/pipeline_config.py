"""What a pipeline's config.yaml has pyannote import, and which files it has it load.

`Pipeline.from_pretrained` imports whatever `pipeline.name` and `preprocessors.*.name` name, and hands the pipeline its
`params`, which name the models to load (core/pipeline.py of pyannote.audio 4.0.7). A model is loaded from any file that
is named; so that none is loaded that was not rewritten, models may only be named as parts of the
repository or as other repositories.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import yaml

from diarize_runner.cache import documents
from diarize_runner.cache.snapshot import REPO_ID
from diarize_runner.errors import UnsafeCheckpoint

_CONFIG_NAME = "config.yaml"
_PART = r"/(?!\.{1,2}(/|$))[^/]+"
_NO_PATH = re.compile(rf"(?!\.{{1,2}}$)[^/]*|\$model({_PART})+|{REPO_ID}(@[^/]+)?", re.DOTALL)
"""Plain text, a part of the repository, or a repository."""


def config_classes(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes that a pipeline's config.yaml names, sorted; none for any other file.

    `name` is the file's own name, for `path` may be a blob.

    Raises:
        UnsafeCheckpoint: it is no YAML, or a pipeline's that names a path.
    """
    if PurePosixPath(name).name != _CONFIG_NAME:
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        config = yaml.safe_load(text)
        scalars = [event.value for event in yaml.parse(text, yaml.SafeLoader) if isinstance(event, yaml.ScalarEvent)]
    except documents.YAML_FAULTS as reason:
        raise UnsafeCheckpoint(f"{name}: not YAML that can be read safely: {reason}") from reason
    if not isinstance(config, dict) or "pipeline" not in config:
        return ()
    if paths := [scalar for scalar in scalars if not _NO_PATH.fullmatch(scalar)]:
        hint = "name a model $model/folder, or by its repository, organisation/name"
        raise UnsafeCheckpoint(f"{name} names a path: {paths[0]!r}", hint=hint)
    return tuple(sorted({*_classes(config)}))


def _classes(config: dict[object, object]) -> Iterator[str]:
    preprocessors = config.get("preprocessors")
    named = preprocessors.values() if isinstance(preprocessors, dict) else ()
    for described in (config["pipeline"], *named):
        if isinstance(described, dict) and isinstance(name := described.get("name"), str):
            yield name
