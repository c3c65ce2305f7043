"""What a file makes a load import, by name: what was found in it, what the lock lists, and what is allowed."""

from dataclasses import asdict, dataclass, fields

from diarize_runner.cache.fields import Node
from diarize_runner.errors import UnsafeCheckpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Imports:
    """Full names, such as `collections.OrderedDict`; documents write each field that is not empty."""

    pickle_names: tuple[str, ...] = ()
    """What a checkpoint's pickle names."""
    class_names: tuple[str, ...] = ()
    """What pyannote makes an object of: the model of a checkpoint, the pipeline of a config.yaml."""

    def __or__(self, other: "Imports") -> "Imports":
        return Imports(
            pickle_names=self.pickle_names + other.pickle_names, class_names=self.class_names + other.class_names
        )

    def to_dict(self) -> dict[str, object]:
        """Return the fields as the documents write them."""
        return {kind: list(names) for kind, names in asdict(self).items() if names}

    @classmethod
    def from_fields(cls, found: dict[str, Node]) -> "Imports":
        """Read what is there of KINDS; raise ManifestError, naming the place, when one is no list of names."""
        return cls(**{kind: tuple(item.text() for item in found[kind].items()) for kind in KINDS if kind in found})


KINDS = tuple(field.name for field in fields(Imports))
"""The keys of the documents that hold names."""


def require_allowed(name: str, found: Imports, allowed: Imports) -> None:
    """Raise UnsafeCheckpoint, with the names, when the file called `name` would import something not allowed."""
    _require(f"{name} is a pickle that names", found.pickle_names, allowed.pickle_names, "pickle_names")
    _require(f"{name} has pyannote load", found.class_names, allowed.class_names, "class_names")


def _require(sentence: str, found: tuple[str, ...], allowed: tuple[str, ...], key: str) -> None:
    if unknown := sorted({*found} - {*allowed}):
        hint = f"do not load it; if you trust its source, allow them in the request: {key}: [...]"
        raise UnsafeCheckpoint(f"{sentence} {', '.join(unknown)}", hint=hint)
