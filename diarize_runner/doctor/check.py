"""One check, and its result."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from diarize_runner.errors import DiarizeRunnerError

PROVISION = "run playbooks/provision.yml on this box again"


class State(IntEnum):
    """The severity, which is the exit code of `doctor`."""

    GOOD = 0
    DRIFT = 2
    """It works, but differs from what was provisioned."""
    BROKEN = 3
    """Do not use the box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """The result of one check."""

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
    """A check finds that something works, but differs from what was provisioned."""


def run_check(name: str, check: Callable[[], str]) -> Check:
    """Run a check: its return value is the detail of GOOD, Drift means DRIFT, any other error BROKEN."""
    try:
        return Check(name=name, state=State.GOOD, detail=check())
    except Drift as error:
        return Check(name=name, state=State.DRIFT, detail=error.message, hint=error.hint or PROVISION)
    except DiarizeRunnerError as error:
        return Check(name=name, state=State.BROKEN, detail=error.message, hint=error.hint or PROVISION)
