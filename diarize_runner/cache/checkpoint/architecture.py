"""The class that pyannote makes a checkpoint's model of, by a name in the checkpoint's data.

`Model.from_pretrained` imports `architecture.module` and takes from it what `architecture.class` names, whatever it is
(core/model.py of pyannote.audio 4.0.7). lightning's own such name, `_instantiator`, is gated by lightning 2.6.
"""

from collections.abc import Iterator

from diarize_runner.cache.checkpoint.inert import Record
from diarize_runner.errors import UnsafeCheckpoint


def model_classes(pickled: object) -> Iterator[str]:
    """Yield the class that what was unpickled names, where it is a pyannote checkpoint.

    Raises:
        UnsafeCheckpoint: it describes its model in a way that cannot be read without running it.
    """
    if not isinstance(pickled, dict) or (described := _entry(pickled, "pyannote.audio")) is None:
        return
    architecture = _entry(described, "architecture")
    module, name = _entry(architecture, "module"), _entry(architecture, "class")
    if type(module) is not str or type(name) is not str:
        raise _unreadable()
    yield f"{module}.{name}"


def _entry(mapping: object, key: str) -> object:
    """Return what a load would find; a key that a call has made may be equal to `key`, and nobody calls it here."""
    if not isinstance(mapping, dict) or any(isinstance(each, Record) for each in mapping):
        raise _unreadable()
    return mapping.get(key)


def _unreadable() -> UnsafeCheckpoint:
    return UnsafeCheckpoint("it describes its model otherwise than pyannote does")
