"""The progress of a job, from that of its stages."""

import pytest

from diarize_runner.service.work import TASKS
from diarize_runner.service.workers.stages import _SHARES, job_progress


@pytest.mark.parametrize("task", TASKS)
def test_a_job_is_done_when_all_its_stages_are(task):
    assert job_progress(task, dict.fromkeys(_SHARES[task], 1.0)) == pytest.approx(1)
    assert job_progress(task, {}) == 0


def test_the_order_of_stages_does_not_matter():
    assert job_progress("run", {"transcription": 0.5}) == pytest.approx(0.25)
    assert job_progress("run", {"segmentation": 1.0, "embeddings": 1.0, "clustering": 1.0}) == pytest.approx(0.5)


def test_a_stage_that_says_nothing_of_the_work_moves_nothing():
    assert job_progress("diarize", {"load models": 1.0, "segmentation": 0.5}) == pytest.approx(0.15)
