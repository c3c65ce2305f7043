"""With any arrivals, a job waits for a bounded time, and boxes change their model rarely."""

import math
from itertools import accumulate, count

import pytest

pytest.importorskip("sqlalchemy")

from hypothesis import given, settings
from hypothesis import strategies as st
from support.queues import FakeClock, claim, new_job, open_queue

MODELS = ("small", "large", "diarization")
PATIENCE = 60.0
"""Seconds that jobs of the loaded model may go first."""
WORK_SECONDS = 10.0
NUMBERS = count()
ARRIVALS = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from(MODELS)), min_size=1, max_size=25
)  # seconds after the one before, and the model


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    return open_queue(f"sqlite:///{tmp_path_factory.mktemp('fairness')}/queue.db", FakeClock())


def work_off(queue, arrivals):
    """Run one box; return the jobs in the order in which it claims them, as it claims them."""
    clock, model, claimed = queue.clock, None, []
    times = list(accumulate((gap for gap, _ in arrivals), initial=clock.now))[1:]
    coming = [(at, kind) for at, (_, kind) in zip(times, arrivals, strict=True)]
    while len(claimed) < len(arrivals):
        while coming and coming[0][0] <= clock.now:
            at, kind = coming.pop(0)
            now, clock.now = clock.now, at
            queue.add(new_job(f"{next(NUMBERS):06}", model=kind))
            clock.now = now
        found = claim(queue, model=model, sticky_since=clock.now - PATIENCE)
        if found is None:
            clock.now = coming[0][0]
            continue
        model = found.job.model
        claimed.append(found.job)
        clock.now += WORK_SECONDS
        queue.succeed(found, result="r", processing_seconds=WORK_SECONDS)
    return claimed


@given(arrivals=ARRIVALS)
@settings(max_examples=40)
def test_a_job_waits_only_for_older_jobs_once_it_is_as_old_as_the_patience(queue, arrivals):
    claimed = work_off(queue, arrivals)
    assert len({job.id for job in claimed}) == len(arrivals)
    for place, job in enumerate(claimed):
        overtakers = [each for each in claimed[:place] if each.created_at > job.created_at]
        assert all(each.started_at <= job.created_at + PATIENCE for each in overtakers)
        assert len(overtakers) <= math.floor(PATIENCE / WORK_SECONDS) + 1
    for model in MODELS:  # jobs of one model keep their order
        ids = [job.id for job in claimed if job.model == model]
        assert ids == sorted(ids)


def test_alternating_jobs_share_loads_of_their_models(queue):
    models = [job.model for job in work_off(queue, [(0.0, MODELS[n % 2]) for n in range(6)])]
    assert models == ["small"] * 3 + ["large"] * 3


def test_a_stream_of_jobs_of_the_loaded_model_does_not_starve_another(queue):
    arrivals = [(0.0, "small"), (0.0, "large"), *[(WORK_SECONDS, "small")] * 20]
    models = [job.model for job in work_off(queue, arrivals)]
    assert models.index("large") == PATIENCE / WORK_SECONDS + 1
