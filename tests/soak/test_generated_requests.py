"""tests/contract/test_service_schema.py with as many requests as a quarter of an hour allows."""

import sys
from collections import Counter

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")

from support.schema_cases import fuzz, fuzzed_service, operations

CASES = 11_000
"""At most; operations without parameters have few different ones, which leaves about 10,000."""


def test_generated_requests_are_answered_as_the_document_says(tmp_path):
    found, statuses = operations(), Counter()
    with fuzzed_service(tmp_path) as client:
        for operation in found:
            statuses += fuzz(client, operation, CASES // len(found) + 1)
    counts = ", ".join(f"{count:,} with {status}" for status, count in sorted(statuses.items()))
    sys.stdout.write(f"soak: {sum(statuses.values()):,} generated requests answered as documented: {counts}\n")
    assert not [status for status in statuses if status >= 500 and status != 503]
