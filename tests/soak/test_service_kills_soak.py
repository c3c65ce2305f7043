"""Dozens of kills of the server and of the model process lose no accepted job, and complete none twice."""

from support.service_kills import kill_service

KILLS = 50


def test_dozens_of_kills_lose_no_accepted_job_and_complete_none_twice(tmp_path):
    counts = kill_service(tmp_path, KILLS, seed=2)

    print(f"soak: service: {counts}")  # noqa: T201
