"""A load leaves the garbage collector of a caller as it was."""

import gc

import diarize_runner


def state():
    return gc.isenabled(), gc.get_threshold()


def test_a_load_leaves_the_collector_of_a_caller_as_it_was(cache):
    before, frozen = state(), gc.get_freeze_count()  # tests/conftest.py freezes objects, and some are freed meanwhile
    with diarize_runner.open_session(cache, device="cpu"):
        assert state() == before
        assert frozen * 0.9 <= gc.get_freeze_count() <= frozen
    assert state() == before


def test_a_load_leaves_a_disabled_collector_disabled(cache):
    gc.disable()
    try:
        diarize_runner.open_session(cache, device="cpu").close()
        assert not gc.isenabled()
    finally:
        gc.enable()
