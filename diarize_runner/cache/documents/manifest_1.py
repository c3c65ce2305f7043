"""Manifests of version 1, which release 0.1.0 wrote: read as version 2, so that a box can go on from them and back.

Version 1 had the keys of the sections at its top, and of each checkpoint `pickle_names`, what loading it imports. That
list is no proof, and is not read: a box loads a version 1 cache only if its checkpoints are clean.
"""

from collections.abc import Mapping
from dataclasses import replace

from diarize_runner.cache.documents.fields import Node

_REQUIRED = ("format", "name", "version", "created_by", "pipeline", "repos", "archive", "requirements")
_OF_WHEELS = {"installer": "installer", "wheels_page": "page", "wheels": "files"}
_OF_BOOTSTRAP = {"bootstrap": "script", "toolkit": "toolkit"}


def as_version_2(node: Node) -> tuple[Node, Mapping[str, Node], Mapping[str, Node]]:
    """Return the document, its fields, and its sections, as version 2 has them.

    Raises:
        ManifestError: a key is missing or unknown, or stands without those that belong to it.
    """
    fields = node.fields(_REQUIRED, optional=[*_OF_WHEELS, *_OF_BOOTSTRAP])
    sections = {}
    if _all_or_none(fields, _OF_WHEELS) or _all_or_none(fields, {**_OF_BOOTSTRAP, **_OF_WHEELS}):
        sections["wheels"] = _section(node, fields, _OF_WHEELS)
    if _all_or_none(fields, _OF_BOOTSTRAP):
        sections["bootstrap"] = _section(node, fields, _OF_BOOTSTRAP)
    return node, {**fields, "repos": _without_pickle_names(fields["repos"])}, sections


def _section(node: Node, fields: Mapping[str, Node], names: Mapping[str, str]) -> Node:
    return replace(node, value={name: fields[key].value for key, name in names.items()})


def _all_or_none(fields: Mapping[str, Node], keys: Mapping[str, str]) -> bool:
    """Whether any of `keys` is there; raise ManifestError when then one of them is not."""
    there = [key for key in keys if key in fields]
    if there and (missing := [key for key in keys if key not in fields]):
        raise fields[there[0]].error(f"it needs the key '{missing[0]}' beside it")
    return bool(there)


def _without_pickle_names(repos: Node) -> Node:
    """Return the repositories without the lists of names, which version 2 has elsewhere; leave what is odd as it is."""
    value = [
        {**repo, "files": [_without(file, "pickle_names") for file in repo["files"]]}
        if isinstance(repo, dict) and isinstance(repo.get("files"), list)
        else repo
        for repo in (repos.value if isinstance(repos.value, list) else [])
    ]
    return replace(repos, value=value) if isinstance(repos.value, list) else repos


def _without(file: object, key: str) -> object:
    return {name: value for name, value in file.items() if name != key} if isinstance(file, dict) else file
