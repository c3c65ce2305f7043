"""The scripts of the roles: check mode, kills and second runs."""

import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import ROOT


def run(script, *arguments, **variables):
    line, environment = [sys.executable, "-I", ROOT / script, *arguments], {**os.environ, **variables}
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, umask=0o077)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture
def home(tmp_path):
    """A home with the current release one, the previous release zero, and leftovers."""
    for name in (
        "releases/zero",
        "releases/one",
        "releases/two",
        "releases/.two.uv-cache",
        "toolkits/t",
        "toolkits/old",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "inputs/2.0").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/one")
    (tmp_path / "previous").symlink_to("releases/zero")
    return tmp_path


def use(home, release, *more, **variables):
    options = [f"--home={home}", f"--release={release}", "--toolkit=t", "--inputs=2.0"]
    return run("roles/runner/files/use_release.py", *options, *more, **variables)


def names(home):
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_a_new_release_becomes_current_and_only_the_release_before_is_kept(home):
    assert use(home, "two")["changed"] is True

    assert [str((home / name).readlink()) for name in ("current", "previous")] == ["releases/two", "releases/one"]
    kept = ["inputs/2.0", "releases/one", "releases/two", "toolkits/t"]
    assert names(home) == sorted(["current", "previous", "inputs", "releases", "toolkits", *kept])
    assert use(home, "two") == {"changed": False, "removed": [], "kept": ["one", "two"]}


def test_a_plan_predicts_the_removed_folders_and_changes_nothing(home):
    before = names(home)

    plan = use(home, "two", "--plan")

    assert names(home) == before
    assert str((home / "current").readlink()) == "releases/one"
    assert plan == use(home, "two")


def test_a_link_that_a_killed_run_left_is_replaced(home):
    (home / "releases/.fresh-link").symlink_to("releases/one")

    use(home, "two")

    assert not (home / "releases/.fresh-link").is_symlink()
    assert str((home / "current").readlink()) == "releases/two"


def test_a_plan_for_a_box_without_anything_predicts_a_change(tmp_path):
    assert use(tmp_path / "box", "one", "--plan") == {"changed": True, "removed": [], "kept": ["one"]}
    assert not (tmp_path / "box").exists()


def put_images(home, **digests):
    """Write an image for each digest, and name it in the release."""
    (home / "images").mkdir()
    for release, digest in digests.items():
        (home / f"images/{digest}.squashfs").write_bytes(b"")
        listed = {"images": [{"digest": f"sha256:{digest}"}]}
        (home / f"releases/{release}/images.json").write_text(json.dumps(listed))


SYSTEMD_ESCAPE = "#!/bin/sh\necho images-of-$$.mount\n"


def put_programs(folder, **texts):
    """Write programs; return a PATH that finds them first."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / name.replace("_", "-")).write_text(text)
        (folder / name.replace("_", "-")).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_images_that_no_kept_release_names_are_removed_with_their_lines_in_the_receipt(home, tmp_path_factory):
    path = put_programs(tmp_path_factory.mktemp("box") / "bin", systemd_escape=SYSTEMD_ESCAPE)
    unused, needed = home / f"images/{'0' * 64}.squashfs", home / f"images/{'2' * 64}.squashfs"
    put_images(home, zero="0" * 64, one="1" * 64, two="2" * 64)
    (home / "receipt.json").write_text(json.dumps({"paths": [str(unused), str(needed)], "folders": []}))

    plan = use(home, "two", "--plan")
    assert unused.exists()
    assert str(unused) in plan["removed"]
    assert use(home, "two", PATH=path) == plan

    assert sorted((home / "images").iterdir()) == [home / f"images/{'1' * 64}.squashfs", needed]
    assert json.loads((home / "receipt.json").read_text())["paths"] == [str(needed)]


def test_without_a_release_all_images_are_removed_and_nothing_else(home, tmp_path_factory):
    path = put_programs(tmp_path_factory.mktemp("box") / "bin", systemd_escape=SYSTEMD_ESCAPE)
    before = names(home)
    put_images(home, one="1" * 64)
    (home / "releases/one/images.json").unlink()

    removed = run("roles/runner/files/use_release.py", f"--home={home}", "--no-release", PATH=path)

    assert removed == {"changed": True, "removed": [str(home / f"images/{'1' * 64}.squashfs")], "kept": []}
    assert names(home) == sorted([*before, "images"])
    assert run("roles/runner/files/use_release.py", f"--home={home}", "--no-release")["changed"] is False


def receipt_of(box, *more, paths=("/a", "/b")):
    line = [box / "home/receipt.json", *more, "--parents", box / "home", box / "cache/models", "--paths", *paths]
    return run("roles/runner/files/write_receipt.py", *line)


def test_a_receipt_lists_the_new_folders_and_is_predicted_and_written_once(tmp_path):
    box = tmp_path / 'd\'Été/a "quoted" $name'
    tmp_path.joinpath("d'Été").mkdir(mode=0o700)
    new = [str(box / "home"), str(box / "cache/models"), str(box / "cache"), str(box)]

    assert receipt_of(box, "--plan") == {"changed": True, "created": new}
    assert not box.exists()
    assert receipt_of(box) == {"changed": True, "created": new}
    written = (box / "home/receipt.json").read_text()
    assert json.loads(written) == {"paths": ["/a", "/b"], "folders": new}
    assert [path.stat().st_mode & 0o777 for path in (box.parent, *map(type(box), new))] == [0o700, *[0o755] * 4]
    assert (box / "home/receipt.json").stat().st_mode & 0o777 == 0o644
    assert receipt_of(box, "--plan") == receipt_of(box) == {"changed": False, "created": []}
    assert (box / "home/receipt.json").read_text() == written


def test_a_receipt_keeps_what_it_lists_and_gets_new_paths_and_its_mode_back(tmp_path):
    receipt_of(tmp_path)
    receipt = tmp_path / "home/receipt.json"

    assert receipt_of(tmp_path, paths=("/b", "/c"))["changed"] is True
    assert json.loads(receipt.read_text())["paths"] == ["/a", "/b", "/c"]
    receipt.chmod(0o600)
    assert receipt_of(tmp_path, "--plan", paths=("/c",))["changed"] is True
    assert receipt_of(tmp_path, paths=("/c",))["changed"] is True
    assert receipt.stat().st_mode & 0o777 == 0o644


def test_a_folder_whose_creation_fails_is_in_the_receipt(tmp_path):
    """Only the folder of the receipt is created before it."""
    (tmp_path / "cache").write_text("a file")
    (tmp_path / "home").mkdir()
    line = [tmp_path / "home/receipt.json", "--parents", tmp_path / "cache/models", "--paths", "/a"]

    ran = subprocess.run(
        [sys.executable, "-I", ROOT / "roles/runner/files/write_receipt.py", *line], capture_output=True, check=False
    )

    assert ran.returncode == 1
    assert str(tmp_path / "cache/models") in json.loads((tmp_path / "home/receipt.json").read_text())["folders"]


@pytest.fixture
def versions(tmp_path):
    """A cache with a current, a previous and an old version, and one that a killed prune left."""
    for name in ("old", "current", "previous", ".removed-older"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    (tmp_path / "current").symlink_to("versions/current")
    (tmp_path / "previous").symlink_to("versions/previous")
    return tmp_path


def restore(folder, *command):
    """Return the lines that the script prints, and its exit code."""
    line = [sys.executable, "-I", ROOT / "roles/model_cache/files/restore.py", folder, *command]
    ran = subprocess.run(line, capture_output=True, text=True, check=False)
    return ran.stdout.splitlines(), ran.returncode


def test_a_restore_lists_the_versions_before_it_and_becomes_the_command(versions):
    (found, *output), code = restore(versions, "/bin/sh", "-c", f"rm {versions}/current; echo moved; exit 4")

    assert json.loads(found) == {"before": "versions/current", "others": [".removed-older", "old"]}
    assert (output, code) == (["moved"], 4)


def test_a_restore_on_a_box_without_models_lists_no_versions(tmp_path):
    (found,), _ = restore(tmp_path / "none", "/bin/true")

    assert json.loads(found) == {"before": "", "others": []}


def test_only_a_plan_may_run_before_the_command_is_installed(tmp_path):
    (_, plan), code = restore(tmp_path, tmp_path / "command", "cache", "restore", "--plan")

    assert (json.loads(plan), code) == ({"changed": True, "is_installed": False}, 0)
    assert restore(tmp_path, tmp_path / "command", "cache", "restore")[1] == 1


RECORD = '#!/bin/sh\necho "${0##*/} $*" >>"$STATES/log"\n'
SYSTEMCTL = f'{RECORD}[ "$1" != show ] || cat "$STATES/$3" 2>/dev/null\n'
WATCHING = "UnitFileState=enabled\nActiveState=active\nNeedDaemonReload=no\n"


class Spool:
    """The folders and units of a spool of the current user; programs record how they are started."""

    def __init__(self, folder):
        self.folder, self.states = folder / "var/spool", folder / "states"
        for name in ("states", "units"):
            (folder / name).mkdir()
        self.units = {str(folder / f"units/spool.{kind}"): f"[{kind}]\n" for kind in ("service", "path")}
        programs = {"systemctl": SYSTEMCTL, "useradd": RECORD, "usermod": RECORD}
        texts = {name: text.replace("$STATES", str(self.states)) for name, text in programs.items()}
        self.path = put_programs(folder / "bin", **texts)
        found = pwd.getpwuid(os.getuid())
        self.user = {"user": found.pw_name, "comment": found.pw_gecos, "home": found.pw_dir, "shell": found.pw_shell}

    def set_up(self, *more, **changed):
        """Return what the script changes."""
        document = {"folder": str(self.folder), "parts": {"inbox": "3770", "claimed": "0700"}, "units": self.units}
        document |= {"private": []}
        text = json.dumps({**document, "watch": "spool.path", **self.user, **changed})
        return run("roles/spool/files/set_up_spool.py", text, *more, PATH=self.path)["changed"]

    def put_states(self, state=WATCHING, **states):
        """Let systemd say this of the units."""
        for kind in ("service", "path"):
            (self.states / f"spool.{kind}").write_text(states.get(kind, state))

    def started(self):
        """Return the programs that were started to change something since the last call."""
        log = self.states / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("systemctl show")]


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path)


START = ["daemon-reload", "enable --quiet spool.path", "start spool.path"]


def test_a_spool_is_predicted_and_set_up_once(spool):
    every = [str(spool.folder / name) for name in ("", "inbox", "claimed")] + [*spool.units, *START]

    assert spool.set_up("--plan") == every
    assert not spool.folder.exists()
    assert spool.started() == []
    assert spool.set_up() == every
    assert spool.started() == [f"systemctl {step}" for step in START]
    spool.put_states()
    assert spool.set_up("--plan") == spool.set_up() == []
    assert spool.started() == []


def test_the_folders_and_units_of_a_spool_are_readable_whatever_the_umask_is(spool):
    spool.set_up()

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (spool.folder.parent, *spool.folder.rglob("*"))}
    assert modes == {spool.folder.parent: 0o755, spool.folder / "inbox": 0o3770, spool.folder / "claimed": 0o700}
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in spool.units} == {0o644}
    assert [Path(path).read_text() for path in spool.units] == ["[service]\n", "[path]\n"]


def test_a_changed_folder_is_corrected(spool):
    spool.set_up()
    spool.put_states()

    (spool.folder / "inbox").chmod(0o777)

    assert spool.set_up("--plan") == spool.set_up() == [str(spool.folder / "inbox")]
    assert stat.S_IMODE((spool.folder / "inbox").stat().st_mode) == 0o3770


def test_a_private_file_is_given_to_the_user_and_taken_from_all_others(spool, tmp_path):
    voices = tmp_path / "voices.json"
    voices.write_text("voices")
    voices.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(voices, 1, 1)
    spool.set_up()
    spool.put_states()
    assert spool.set_up("--plan", private=[str(voices)]) == [str(voices)]
    assert stat.S_IMODE(voices.stat().st_mode) == 0o644
    assert spool.set_up(private=[str(voices)]) == [str(voices)]
    found = voices.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o600, os.getuid(), os.getgid())
    assert voices.read_text() == "voices"
    assert spool.set_up(private=[str(voices)]) == []


def test_a_private_file_is_predicted_for_a_user_that_does_not_exist(spool, tmp_path):
    (tmp_path / "voices.json").touch(0o600)
    planned = spool.set_up("--plan", user="nobody-yet", private=[str(tmp_path / "voices.json")])
    assert str(tmp_path / "voices.json") in planned


def test_with_a_changed_unit_the_path_is_stopped_before_systemd_reads_it_and_started_last(spool):
    spool.set_up()
    spool.put_states()
    spool.started()
    changed = next(iter(spool.units))

    spool.units[changed] = "[service]\nUser=another\n"

    steps = ["stop spool.path", "daemon-reload", "start spool.path"]
    assert spool.set_up() == [changed, *steps]
    assert spool.started() == [f"systemctl {step}" for step in steps]


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ({"service": WATCHING.replace("=no", "=yes")}, ["stop spool.path", "daemon-reload", "start spool.path"]),
        ({"path": WATCHING.replace("=active", "=inactive")}, ["start spool.path"]),
        ({"path": WATCHING.replace("=enabled", "=disabled")}, ["enable --quiet spool.path"]),
    ],
    ids=["before the reload", "before the start", "before it was enabled"],
)
def test_a_run_after_a_killed_one_does_the_rest(states, steps, spool):
    spool.set_up()
    spool.put_states(**states)

    assert spool.set_up("--plan") == steps
    spool.started()
    assert spool.set_up() == steps
    assert spool.started() == [f"systemctl {step}" for step in steps]


def test_a_user_that_does_not_exist_is_predicted_with_its_folders(spool):
    planned = spool.set_up("--plan", user="nobody-yet")

    assert planned[0] == "the user nobody-yet"
    assert str(spool.folder / "inbox") in planned


def test_a_user_with_another_home_is_corrected(spool):
    name = spool.user["user"]

    assert f"the user {name}" in spool.set_up(home="/srv/elsewhere")

    settings = f"-c {spool.user['comment']} -d /srv/elsewhere -s {spool.user['shell']} {name}"
    assert f"usermod {settings}" in spool.started()


def make_environment(folder, *more):
    """Run the script for a lock that may be missing; return the finished process."""
    script = ROOT / "roles/python_env/files/make_environment.py"
    named = [f"--under={folder}/made", f"--lock={folder}/lock.txt", f"--package={folder}/toolkit.whl"]
    return subprocess.run([sys.executable, "-I", script, *named, *more], capture_output=True, text=True, check=False)


def test_an_environment_that_the_disk_has_no_space_for_is_refused_and_its_plan_too(tmp_path):
    for name in ("lock.txt", "toolkit.whl"):
        (tmp_path / name).write_text(name)

    for more in ([], ["--plan"]):
        ran = make_environment(tmp_path, "--min-free-gib=1e9", *more)

        assert ran.returncode == 1
        assert f"GiB are free under {tmp_path}/made, and an environment needs 1e+09" in ran.stderr
    assert json.loads(make_environment(tmp_path, "--min-free-gib=0", "--plan").stdout)["there"] is False


def test_without_its_lock_an_environment_can_only_be_predicted(tmp_path):
    plan = json.loads(make_environment(tmp_path, "--plan").stdout)

    assert plan == {"there": False, "folder": f"{tmp_path}/made/predicted", "packages": "not known yet"}
    assert f"error: {tmp_path}/lock.txt does not exist" in make_environment(tmp_path).stderr


def test_inputs_on_the_box_are_those_that_the_controller_fetched_unless_bytes_or_modes_differ(tmp_path):
    fetched, box = tmp_path / "fetched", tmp_path / "box/inputs/2.0"
    for folder in (fetched, box):
        folder.mkdir(parents=True)
        for name in ("same", "other", "private"):
            (folder / name).write_text(name)
            (folder / name).chmod(0o644)
    document = json.dumps({"version": "2.0", "folder": str(fetched), "files": ["same", "other", "private"]})
    (box / "other").write_text("another")
    (box / "private").chmod(0o600)

    lines = run("roles/toolkit/files/fetch_inputs.py", "/bin/echo", document)["lines"]
    found = run("roles/toolkit/files/list_inputs.py", tmp_path / "box", tmp_path / "box/key.pem")

    assert [line.split()[1] for line in lines if line not in found["inputs"]] == ["2.0/other", "2.0/private"]
    assert (found["has_key"], found["python"]) == (False, f"{sys.version_info[0]}.{sys.version_info[1]}")
