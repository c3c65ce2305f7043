"""One thing looked at, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from diarize_runner.errors import DiarizeRunnerError

PROVISION = "run playbooks/provision.yml on this box again"


class State(IntEnum):
    """How bad it is: the exit code of `doctor`."""

    GOOD = 0
    DRIFT = 2
    """It works, and is not as it was provisioned."""
    BROKEN = 3
    """It cannot be relied on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the check as `doctor --json` prints it."""
        state = self.state.name.lower()
        ok = self.state is State.GOOD
        return {"name": self.name, "state": state, "ok": ok, "detail": self.detail, "hint": self.hint}


class Drift(DiarizeRunnerError):
    """What a look raises when something works, and is not as it was provisioned."""


def checked(name: str, look: Callable[[], str]) -> Check:
    """Take what `look` says as good news, Drift as drift, and any other error as broken."""
    try:
        return Check(name=name, state=State.GOOD, detail=look())
    except Drift as error:
        return Check(name=name, state=State.DRIFT, detail=error.message, hint=error.hint or PROVISION)
    except DiarizeRunnerError as error:
        return Check(name=name, state=State.BROKEN, detail=error.message, hint=error.hint or PROVISION)
