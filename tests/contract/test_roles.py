"""Each role's variables, README, playbooks and check mode."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
TYPES = {"str": str, "path": str, "int": int, "bool": bool, "list": list}


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def options_of(role):
    return read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def readme_table(role):
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, option in options_of(role).items():
        default = f"`{option['default']}`" if option["default"] != "" else ""
        rows.append(f"| `{name}` | {default} | {option['description']} |")
    return re.sub(r"C\((.+?)\)", r"`\1`", "\n".join(rows))


def tasks_in(tasks):
    for task in tasks:
        yield task
        for section in ("block", "rescue", "always"):
            yield from tasks_in(task.get(section, []))


def task_files():
    return sorted((ROOT / "roles").glob("*/tasks/*.yml"))


def ansible_playbook(*arguments, cwd=ROOT, **environment):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [shutil.which("ansible-playbook", path=path) or "ansible-playbook", *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_specified_and_nothing_else_is(role):
    options, defaults = options_of(role), read(f"roles/{role}/defaults/main.yml")

    assert list(options) == list(defaults)
    for name, default in defaults.items():
        assert type(default) is TYPES[options[name]["type"]], name
        assert default == options[name]["default"] or "{{" in str(default), name


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_has_the_specification_as_its_table(role):
    assert readme_table(role) in (ROOT / "roles" / role / "README.md").read_text()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_s_variables_have_its_prefix_and_private_ones_two_underscores(role):
    assert all(name.startswith(f"{role}_") for name in options_of(role))
    for path in (ROOT / "roles" / role / "vars").glob("*.yml"):
        assert all(name.startswith(f"__{role}_") for name in read(path))


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_no_task_is_asynchronous_because_async_wrapper_splits_paths_at_spaces(path):
    assert [task for task in tasks_in(yaml.safe_load(path.read_text())) if "async" in task] == []


def units():
    return sorted((ROOT / "roles").rglob("*.service.j2"))


@pytest.mark.parametrize("unit", units(), ids=lambda unit: unit.name)
def test_every_service_of_a_role_has_configurable_limits(unit):
    role, text = unit.relative_to(ROOT / "roles").parts[0], unit.read_text()
    for limit in ("memory_max", "tasks_max"):
        setting = "".join(word.capitalize() for word in limit.split("_"))
        assert re.search(rf"^{setting}={{{{ {role}_{limit} }}}}$", text, re.MULTILINE), limit
        assert f"{role}_{limit}" in options_of(role)


def test_the_limits_test_covers_every_service_of_a_role():
    assert [unit.name for unit in units()] == [
        "diarize-runner-ray.service.j2",
        "diarize-runner-host-keys.service.j2",
        "diarize-runner-serve.service.j2",
        "diarize-runner-spool.service.j2",
    ]
    for path in [*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.yml")]:
        assert "[Service]" not in path.read_text(), path


def test_the_playbooks_pass_only_known_variables_to_roles():
    wiring = read("playbooks/group_vars/diarize_boxes.yml")
    known = {name for role in ROLES for name in options_of(role)}

    assert {name for name in wiring if not name.startswith("diarize_runner_")} <= known


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_no_task_hides_a_failure_or_skips_check_mode(path):
    assert not re.search("ignore_errors|ignore_unreachable|not ansible_check_mode", path.read_text())
    tasks = list(tasks_in(yaml.safe_load(path.read_text())))
    for task, following in zip(tasks, [*tasks[1:], {}], strict=True):
        if task.get("failed_when") is False:
            assert f"{task['register']}.rc == 0" in str(following.get("ansible.builtin.assert")), task["name"]


@pytest.mark.parametrize("folder", [".", "playbooks"])
def test_every_playbook_parses_from_the_root_and_from_its_own_folder(folder):
    cwd = ROOT / folder
    run = ansible_playbook(
        "--syntax-check", *[os.path.relpath(ROOT / "playbooks" / name, cwd) for name in PLAYBOOKS], cwd=cwd
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert [Path(name).name for name in re.findall(r"playbook: (\S+)", run.stdout)] == PLAYBOOKS


@pytest.mark.long
def test_check_mode_on_a_new_box_predicts_changes_and_makes_none(tmp_path):
    secrets = {
        "HF_TOKEN": "hf_" + "c" * 34,
        "AWS_SECRET_ACCESS_KEY": "canary-key",
        "AWS_SESSION_TOKEN": "canary-session",
    }
    for name in ("requirements-installer.txt", "requirements-diarization.txt", "toolkit.whl"):
        (tmp_path / name).write_text(name)

    run = ansible_playbook(
        "-vvvv",
        "--check",
        "playbooks/provision.yml",
        *("-e", f"diarize_runner_prefix={tmp_path}/box"),
        *("-e", f"diarize_runner_store=file://{tmp_path}/store"),
        *("-e", f"diarize_runner_wheel={tmp_path}/toolkit.whl"),
        *("-e", "diarize_runner_packages=index"),
        *("-e", f"diarize_runner_locks={tmp_path}"),
        *("-e", "python_env_min_free_gib=0"),
        **secrets,
    )

    assert run.returncode == 0, run.stdout
    assert int(re.search(r"changed=(\d+)", run.stdout)[1]) > 0
    assert not (tmp_path / "box").exists()
    assert "module_args" in run.stdout, "control: the output contains module arguments"
    assert [secret for secret in secrets.values() if secret in run.stdout + run.stderr] == []
