"""Whatever kills the server or the model process loses no accepted job, and completes none twice."""

import pytest
from support.service_kills import kill_service


@pytest.mark.long
def test_kills_at_random_moments_lose_no_accepted_job_and_complete_none_twice(tmp_path):
    counts = kill_service(tmp_path, 5, seed=1)

    print(f"service: {counts}")  # noqa: T201
    assert (counts.killed_servers, counts.killed_model_processes) == (3, 2)
    assert counts.attempts > counts.accepted, "no kill interrupted a job"
