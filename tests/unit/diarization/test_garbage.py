"""The garbage collector is paused for a block and then as before; our own processes freeze their objects."""

import gc
import weakref

import pytest

from diarize_runner.diarization.garbage import freezing_objects, without_collector


class Part:
    """Refers to itself, as a pipeline's parts do."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before():
    were_frozen = gc.get_freeze_count()
    gc.unfreeze()
    yield
    gc.enable()
    with freezing_objects():  # forgets what it froze
        gc.freeze()
    if not were_frozen:
        gc.unfreeze()


def state():
    return gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()


def test_a_pause_ends_with_its_last_block():
    before = state()
    with without_collector():
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert state() == before == (True, gc.get_threshold(), 0)


def test_an_error_ends_the_pause():
    with pytest.raises(ZeroDivisionError), without_collector():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_the_caller_disabled_stays_disabled():
    gc.disable()
    with without_collector():
        pass
    assert not gc.isenabled()


def test_objects_that_the_caller_froze_stay_frozen():
    gc.freeze()
    before = gc.get_freeze_count()
    with without_collector():
        kept = [Part() for _ in range(1000)]
    assert len(kept) == 1000
    assert before - 100 < gc.get_freeze_count() <= before


def test_objects_of_a_pause_are_old_after_it():
    with without_collector():
        part = Part()
    assert any(each is part for each in gc.get_objects(generation=2))


def test_garbage_of_a_pause_is_collected_later():
    with without_collector():
        part = weakref.ref(Part())
        assert part() is not None
    gc.collect()
    assert part() is None


def test_objects_are_frozen_once_after_the_outermost_block():
    with freezing_objects():
        with freezing_objects():
            part = Part()
        assert gc.get_freeze_count() == 0
    assert gc.get_freeze_count() > 0
    assert not any(each is part for each in gc.get_objects())
    assert gc.isenabled()


def test_a_process_whose_objects_somebody_else_froze_keeps_them_so():
    gc.freeze()
    before = gc.get_freeze_count()
    for _ in range(2):
        with freezing_objects():
            kept = [Part() for _ in range(1000)]
    assert len(kept) == 1000
    assert before - 100 < gc.get_freeze_count() <= before


def test_a_load_that_fails_ends_the_pause():
    with pytest.raises(ZeroDivisionError), freezing_objects():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_second_load_frees_what_the_first_froze():
    with freezing_objects():
        first = Part()
    released = weakref.ref(first)
    del first
    gc.collect()
    assert released() is not None, "it is frozen"
    with freezing_objects():
        pass
    assert released() is None
