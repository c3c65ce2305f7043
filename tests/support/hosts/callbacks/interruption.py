"""An Ansible callback that records which tasks changed something, and kills the play before a given task."""

import json
import os
import signal
from pathlib import Path

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Counts tasks as they start."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "interruption"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._started, self._changing = 0, {}
        self._kill_before = int(os.environ.get("INTERRUPTION_BEFORE", "0"))

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._started += 1
        if self._started == self._kill_before:
            os.kill(os.getpid(), signal.SIGKILL)  # between tasks, Ansible has no other process
        self._name = task.get_name()

    def v2_runner_on_ok(self, result):
        if result.result.get("changed"):
            self._changing[self._started] = self._name

    def v2_playbook_on_stats(self, stats):
        if path := os.environ.get("INTERRUPTION_RECORD"):
            Path(path).write_text(json.dumps({"changing": self._changing, "tasks": self._started}))
