"""Convert manifests of version 1, which release 0.1.0 wrote, so that a box can upgrade from them and roll back.

Version 1 has the sections' keys at the top level, and in each checkpoint `pickle_names`, the names that loading it
imports. That list proves nothing, so this module drops it: a box loads a version 1 cache only if its checkpoints are
clean.
"""

from collections.abc import Mapping
from dataclasses import replace

from diarize_runner.cache.documents.fields import Node

_REQUIRED = ("format", "name", "version", "created_by", "pipeline", "repos", "archive", "requirements")
_WHEEL_KEYS = {"installer": "installer", "wheels_page": "page", "wheels": "files"}
_BOOTSTRAP_KEYS = {"bootstrap": "script", "toolkit": "toolkit"}


def upgrade_to_v2(node: Node) -> tuple[Node, Mapping[str, Node], Mapping[str, Node]]:
    """Return the document, its fields and its sections in the form of version 2.

    Raises:
        ManifestError: a key is missing or unknown.
    """
    fields = node.fields(_REQUIRED, optional=[*_WHEEL_KEYS, *_BOOTSTRAP_KEYS])
    sections = {}
    if _all_or_none(fields, _WHEEL_KEYS) or _all_or_none(fields, {**_BOOTSTRAP_KEYS, **_WHEEL_KEYS}):
        sections["wheels"] = _section(node, fields, _WHEEL_KEYS)
    if _all_or_none(fields, _BOOTSTRAP_KEYS):
        sections["bootstrap"] = _section(node, fields, _BOOTSTRAP_KEYS)
    return node, {**fields, "repos": _drop_pickle_names(fields["repos"])}, sections


def _section(node: Node, fields: Mapping[str, Node], names: Mapping[str, str]) -> Node:
    return replace(node, value={name: fields[key].value for key, name in names.items()})


def _all_or_none(fields: Mapping[str, Node], keys: Mapping[str, str]) -> bool:
    """Whether all of `keys` are present; raise ManifestError when only some are."""
    present = [key for key in keys if key in fields]
    if present and (missing := [key for key in keys if key not in fields]):
        raise fields[present[0]].error(f"this key requires the key '{missing[0]}'")
    return bool(present)


def _drop_pickle_names(repos: Node) -> Node:
    """Return the repositories without `pickle_names`; keep malformed values for the parser to report."""
    value = [
        {**repo, "files": [_drop_key(file, "pickle_names") for file in repo["files"]]}
        if isinstance(repo, dict) and isinstance(repo.get("files"), list)
        else repo
        for repo in (repos.value if isinstance(repos.value, list) else [])
    ]
    return replace(repos, value=value) if isinstance(repos.value, list) else repos


def _drop_key(file: object, key: str) -> object:
    return {name: value for name, value in file.items() if name != key} if isinstance(file, dict) else file
