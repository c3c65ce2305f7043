"""Events of a child process that holds a model, as lines of JSON: the key `event` names the kind."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class EventKinds:
    """The events of one protocol: dataclasses, by the name of each kind."""

    kinds: Mapping[str, type[Any]]

    def encode(self, event: Any) -> str:
        """Return an event as a line."""
        name = next(name for name, kind in self.kinds.items() if kind is type(event))
        return f"{json.dumps({'event': name, **asdict(event)})}\n"

    def decode(self, line: bytes) -> Any:
        """Parse a line. Raises ValueError, KeyError or TypeError if it is no event."""
        values = json.loads(line)
        return self.kinds[values.pop("event")](**values)
