"""Slurm, as Debian installs it: a controller and two nodes, with a folder, ports and a key of their own.

A node is a slurmd with one GPU, which is no real one, so it runs one task at a time. Only loopback reaches it.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.process_table import every_process

NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "srun")
LONGEST_WAIT = 300.0
"""Seconds that a busy machine may need for anything."""
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_NODE_TIMEOUT = 5
"""Seconds without an answer, after which the controller counts a node as dead; it takes about 25 s to notice."""
_START_AFTER = 4
"""Seconds."""
_FINISHED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
_CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdTimeout={node_timeout}
KillWait=2
GresTypes=gpu
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]},{ports[2]}] CPUs=64 RealMemory=999999 Gres=gpu:1
PartitionName=batch Nodes=ALL Default=YES MaxTime=60 State=UP
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of an array, or several that wait: then `index` is a list such as 2-3."""

    array: str
    """The id of the job. That of the last task is the same, so it stands for no task."""
    index: str
    state: str
    node: str
    exit_code: str
    """`CODE:SIGNAL`, as Slurm writes it."""
    restarts: int

    @property
    def id(self):
        return f"{self.array}_{self.index}"


def require_slurm():
    """Skip the test where Slurm is not installed; fail it if DIARIZE_RUNNER_REQUIRE_SLURM is 1."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=_PATH)]
    if not missing:
        return
    reason = f"Slurm is not installed ({', '.join(missing)}): run scripts/install-test-packages.sh"
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_SLURM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def slurm():
    """Run a cluster of two nodes in a temporary folder; kill all its processes at the end."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: the path of a socket has at most 107 bytes
    folder.chmod(0o755)  # munge refuses a folder of another mode
    try:
        cluster = Slurm(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Slurm:
    """A cluster; `environment` is that of its commands and of the jobs that they submit."""

    def __init__(self, folder):
        self.folder, self._daemons = folder, {}
        self.environment = {"PATH": _PATH, "HOME": str(folder), "SLURM_CONF": str(folder / "slurm.conf")}
        for name in ("state", *NODES):
            (folder / name).mkdir()
        host = socket.gethostname().partition(".")[0]
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        (folder / "slurm.conf").write_text(
            _CONFIGURATION.format(folder=folder, host=host, user=user, ports=_free_ports(3), node_timeout=_NODE_TIMEOUT)
        )
        (folder / "gres.conf").write_text("Name=gpu File=/dev/zero\n")
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o600)

    def start(self):
        """Start the daemons; return when all nodes accept jobs."""
        files = {"key-file": "key", "pid-file": "pid", "seed-file": "seed", "socket": "socket", "log-file": "log"}
        options = [f"--{option}={self.folder}/munge.{name}" for option, name in files.items()]
        self._start("munged", "munged", "--foreground", "--force", *options)
        self.wait_for((self.folder / "munge.socket").exists)
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.start_node(node)

    def start_node(self, node):
        """Start a node; return when it accepts jobs."""
        self._start(node, "slurmd", "-D", "-N", node)
        self.wait_for(lambda: "State=IDLE " in self._try("scontrol", "--oneliner", "show", "node", node))

    def kill_node(self, node):
        """Kill a node and all that runs on it, as a power cut does; the controller is not told."""
        jobs = {str(int(path.name.removeprefix("job"))) for path in (self.folder / node).glob("job*")}
        self._daemons[node].kill()
        self._daemons[node].wait()
        for process in self._processes():
            step = re.match(r"slurmstepd: \[(\d+)\.", process.command)
            if process.variables.get("SLURMD_NODENAME") == node or (step and step[1] in jobs):
                process.kill()

    def revive(self):
        """Start the nodes that were killed."""
        for node in NODES:
            if self._daemons[node].poll() is not None:
                self.start_node(node)

    def submit(self, script, *words, options=(), **variables):
        """Submit a script from the cluster's folder with words as its arguments; return the id of the job."""
        command = ["sbatch", "--parsable", *options, str(script), *map(str, words)]
        return self._run(*command, **variables).strip()

    def tasks(self, job):
        """Return the tasks of an array by their indices."""
        lines = self._run("scontrol", "--oneliner", "show", "job", job).splitlines()
        return {task.index: task for task in map(_parse_task, lines)}

    def finish(self, job):
        """Wait until no task of an array waits or runs; a requeued one need not wait. Return the tasks."""
        return self.wait_for_tasks(job, lambda tasks: {task.state for task in tasks.values()} <= _FINISHED)

    def restarted(self, job, index, restarts):
        """Wait until a task runs again, after so many restarts; return it."""
        wanted = ("RUNNING", restarts)
        tasks = self.wait_for_tasks(job, lambda tasks: (tasks[index].state, tasks[index].restarts) == wanted)
        return tasks[index]

    def wait_for_tasks(self, job, done):
        """Wait until `done` holds of the tasks of an array, which it gets by their indices; return them."""
        hurried = set()

        def holds():
            tasks = self.tasks(job)
            self._hurry(tasks.values(), hurried)
            return done(tasks)

        self.wait_for(holds)
        return self.tasks(job)

    def _hurry(self, tasks, hurried):
        """Let requeued tasks start in some seconds instead of two minutes.

        At once is too early: a node refuses a task that it has just ended, with "Job credential revoked".
        """
        for task in tasks:
            if task.state == "PENDING" and task.restarts and (task.id, task.restarts) not in hurried:
                self._try("scontrol", "update", f"JobId={task.id}", f"StartTime=now+{_START_AFTER}")
                hurried.add((task.id, task.restarts))

    def requeue(self, task):
        """Requeue a running task, as an administrator or a preemption does."""
        self._run("scontrol", "requeue", task.id)

    def cancel(self, task, *options):
        """Cancel a task or, with options, send it a signal."""
        self._run("scancel", *options, task.id)

    def processes(self, task):
        """Return the processes of a running task."""
        wanted = {"SLURM_ARRAY_JOB_ID": task.array, "SLURM_ARRAY_TASK_ID": task.index}
        return [process for process in self._processes() if wanted.items() <= process.variables.items()]

    def wait_for(self, holds):
        """Wait until `holds()`; fail with the logs of the cluster."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not holds():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self):
        """Return what the daemons and the jobs printed."""
        found = [*self.folder.glob("*.out"), *self.folder.glob("*.log")]
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')}" for path in found)

    def kill(self):
        """Kill all processes of the cluster."""
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait()
        while left := self._processes():
            for process in left:
                process.kill()
            time.sleep(0.05)

    def _processes(self):
        """Return the processes that have the configuration of this cluster in their environment."""
        own = self.environment["SLURM_CONF"]
        return [found for found in every_process() if found.variables.get("SLURM_CONF") == own]

    def _start(self, name, program, *arguments):
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [shutil.which(program, path=_PATH), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )

    def _run(self, *command, **variables):
        done = self._finish(command, variables)
        assert done.returncode == 0, done.stderr + self.log()
        return done.stdout

    def _try(self, *command):
        return self._finish(command, {}).stdout

    def _finish(self, command, variables):
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment, **variables},
            cwd=self.folder,
            timeout=60,
        )


def _parse_task(line):
    """Read a line of `scontrol --oneliner show job`."""
    fields = dict(re.findall(r"(\w+)=(\S*)", line))
    return Task(
        array=fields["ArrayJobId"],
        index=fields["ArrayTaskId"],
        state=fields["JobState"],
        node=fields.get("NodeList", ""),
        exit_code=fields["ExitCode"],
        restarts=int(fields["Restarts"]),
    )


def _free_ports(count):
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return sorted(server.getsockname()[1] for server in servers)
