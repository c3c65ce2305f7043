"""A callback of Ansible's that writes down which tasks changed something, and kills the play before one of them."""

import json
import os
import signal
from pathlib import Path

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Counts tasks as they begin, whatever becomes of them."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "interruption"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._begun, self._changing = 0, {}
        self._fatal = int(os.environ.get("INTERRUPTION_BEFORE", "0"))

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._begun += 1
        if self._begun == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)  # between tasks it has no other process at work
        self._name = task.get_name()

    def v2_runner_on_ok(self, result):
        if result.result.get("changed"):
            self._changing[self._begun] = self._name

    def v2_playbook_on_stats(self, stats):
        if path := os.environ.get("INTERRUPTION_RECORD"):
            Path(path).write_text(json.dumps({"changing": self._changing, "tasks": self._begun}))
