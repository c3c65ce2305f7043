"""Whether the server would take a job and run it."""

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.service.web.problems import Problem, without_folders
from diarize_runner.service.web.service import NOT_READY, Service, not_ready


def require_ready(service: Service) -> None:
    """Raise the problem of a server that would take no job. It writes to the queue."""
    problem = "the workers have ended" if not service.workers.is_alive else service.workers.problem
    if problem:
        raise not_ready(problem)
    try:
        service.queue.check()
        service.intake.require_room("")
    except DiarizeRunnerError as error:
        raise Problem(NOT_READY, without_folders(error.message), hint=without_folders(error.hint)) from error


def is_ready(service: Service) -> bool:
    """Return whether the server would take a job and run it."""
    try:
        require_ready(service)
    except Problem:
        return False
    return True
