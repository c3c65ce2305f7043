"""Rewrite an upstream checkpoint into a clean one: read it as data, keep what loads, write it anew."""

from collections.abc import Collection
from dataclasses import dataclass

from diarize_runner.cache.checkpoint.clean import DESCRIPTION, clean
from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.checkpoint.reader import read_upstream

_KNOWN = DESCRIPTION | {
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
    "pyannote.audio.core.model.Introspection",
    "torch.torch_version.TorchVersion",
    "typing.Any",
}
"""What checkpoints of pyannote.audio 2 to 4 name beside data; none of it is kept but the description."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A clean checkpoint, and what its original would have imported."""

    data: bytes
    names: tuple[str, ...]
    """Every name in the original's pickles, sorted; the clean one has none of them but torch's and pyannote's own."""


def rewrite(data: bytes, *, conversion: str | None, allowed: Collection[str]) -> Rewritten:
    """Rewrite the bytes of a checkpoint in either of torch's formats.

    Args:
        data: the upstream file.
        conversion: a key of CONVERSIONS, or None where it is a pyannote checkpoint or holds plain values.
        allowed: names that may stand in its pickles beside the usual ones; they are never imported.

    Raises:
        UnsafeCheckpoint: it is no checkpoint, names something that is not allowed, or holds more than data.
    """
    upstream = read_upstream(data, allowed={*_KNOWN, *allowed})
    convert = CONVERSIONS[conversion] if conversion else clean
    return Rewritten(data=convert(upstream.content).to_bytes(), names=tuple(sorted(upstream.names)))
