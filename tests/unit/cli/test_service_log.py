"""The log of the service: lines of JSON."""

import json
import logging

from diarize_runner.cli.logs import log_json_to, log_to

NAME = "diarize_runner.service"


class Lines:
    def __init__(self):
        self.lines = []

    def print_line(self, line):
        self.lines.append(line)


def test_each_record_is_one_line_of_json_and_is_printed_once():
    progress = Lines()
    with log_to(progress, 2), log_json_to(progress, NAME):
        logging.getLogger(f"{NAME}.workers").warning("job %s: it failed\n", "a")
        logging.getLogger(NAME).info('{"status": 200}')
        logging.getLogger(NAME).debug("nothing")

    first, second = map(json.loads, progress.lines)
    assert (first["level"], first["message"]) == ("WARNING", "job a: it failed\n")
    assert second == {"status": 200}


def test_after_the_block_the_log_is_as_before():
    progress = Lines()
    with log_json_to(progress, NAME):
        pass
    with log_to(progress, 0):
        logging.getLogger(NAME).warning("again")
    assert len(progress.lines) == 1
    assert progress.lines[0].endswith("again")
