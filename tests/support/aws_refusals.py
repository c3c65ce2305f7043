"""Answers of AWS and of servers with an S3 API that people met: tests/vectors/aws."""

import json
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_FILE = Path(__file__).parents[1] / "vectors/aws/refusals.json"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer, and what the error and the hint must contain."""

    service: str
    operation: str
    status: int
    code: str
    message: str
    sentence: str
    hint: str
    source: str

    def __str__(self):
        return f"{self.code}: {self.sentence}"

    @property
    def xml_message(self):
        return escape(self.message)


REFUSALS = tuple(Refusal(**each) for each in json.loads(_FILE.read_text()))


def refusals_of(service):
    """Return the refusals of a service."""
    return [each for each in REFUSALS if each.service == service]
