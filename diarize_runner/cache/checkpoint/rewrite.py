"""Rewrite an upstream checkpoint into a clean one."""

from collections.abc import Collection
from dataclasses import dataclass

from diarize_runner.cache.checkpoint.clean import SPECIFICATION_CLASSES, clean
from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.checkpoint.reader import read_upstream

_USUAL_NAMES = SPECIFICATION_CLASSES | {
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "pyannote.audio.core.model.Introspection",
    "torch.torch_version.TorchVersion",
    "typing.Any",
}
"""Names in checkpoints of pyannote.audio 2 to 4; rewriting keeps only SPECIFICATION_CLASSES."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RewrittenCheckpoint:
    """A clean checkpoint, and the names in its original."""

    data: bytes
    names: tuple[str, ...]
    """Every name in the original's pickles, sorted."""


def rewrite(data: bytes, *, conversion: str | None, allowed: Collection[str]) -> RewrittenCheckpoint:
    """Rewrite a checkpoint in either of torch's formats.

    Args:
        data: the upstream file's bytes.
        conversion: a key of CONVERSIONS, or None for a pyannote checkpoint or plain values.
        allowed: further names allowed in its pickles; none is imported.

    Raises:
        UnsafeCheckpoint: it is not a checkpoint, has a name that is not allowed, or holds more than data.
    """
    upstream = read_upstream(data, allowed={*_USUAL_NAMES, *allowed})
    convert = CONVERSIONS[conversion] if conversion else clean
    return RewrittenCheckpoint(data=convert(upstream.content).to_bytes(), names=tuple(sorted(upstream.names)))
