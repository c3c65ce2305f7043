"""Print a mark when an Ansible task starts; `benchmarks.provision.clock` reads the marks."""  # noqa: INP001  # a script

from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: phases
type: aggregate
short_description: print a mark when a task starts
description: Prints a line for each task, with its roles, the outermost first, and its name.
"""


class CallbackModule(CallbackBase):
    """Ansible requires this class name."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "phases"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:  # noqa: ARG002, FBT001  # Ansible's
        """Print the mark."""
        role = task._role  # noqa: SLF001  # there is no public attribute
        roles = [each.get_name() for each in (*role.get_parents(), role)] if role else []
        self._display.display(f"== task {'/'.join(roles)}: {task.name}")
