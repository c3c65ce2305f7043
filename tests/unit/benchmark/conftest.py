"""Benchmarks decode each of their few recordings once."""

import pytest
from support.children import decoding_once


@pytest.fixture(scope="module", autouse=True)
def _decode_once():
    with decoding_once():
        yield
