"""The script of the role sample_check: no torch while nothing has changed since the last good result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.caches import Site
from support.command import ROOT

SCRIPT = ROOT / "roles/sample_check/files/check_once.py"
SITE_PACKAGES = next(each for each in sys.path if each.endswith("site-packages"))
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None"
GOOD_RESULT = """
import sys
from pathlib import Path
from diarize_runner.doctor import diagnosis, sample_result
from diarize_runner.doctor.check import Check, State
from diarize_runner.progress import NoProgress
diagnosis.check_device = lambda _device: "cpu"
cache, device = Path(sys.argv[1]), sys.argv[2]
inputs = sample_result.sample_inputs(diagnosis.examine(cache, device, NoProgress()), cache, device)
good = Check(name="sample", state=State.GOOD, detail="2 of 2 speakers")
sample_result.check_sample_once(sample_result.SAMPLE_RESULT, inputs, lambda: good)
"""


class Box:
    """A release without torch, whose command prints its arguments, with a cache and the result of a good check."""

    def __init__(self, folder):
        self.release, self.current, site = folder / "release", folder / "current", Site(folder=folder / "site")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.release], check=True)
        self.current.symlink_to("release")
        (packages,) = self.release.glob("lib/python3*/site-packages")
        (packages / "box.pth").write_text("\n".join([str(ROOT), SITE_PACKAGES, WITHOUT_TORCH, ""]))
        self.command = self.release / "bin/diarize-runner"
        self.command.write_text(f"#!{self.release}/bin/python\nimport sys\nprint('the command:', *sys.argv[1:])\n")
        self.command.chmod(0o755)
        site.publish()
        site.restore()
        self.cache = site.box.root
        self.python("release", "-c", GOOD_RESULT, self.cache, "cpu")

    def python(self, link, *arguments, **options):
        """Run the Python of the release, found by a link or not; return its output."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        line = [self.release.with_name(link) / "bin/python", "-I", *arguments]
        home = {"HOME": str(self.release)}
        ran = subprocess.run(line, env={**variables, **home}, capture_output=True, text=True, check=False, **options)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def check(self, *more, device="cpu", by="--sample-once", link="current"):
        """Run the script as the role does; return the report, or the output of the command."""
        command = [self.current / "bin/diarize-runner", "doctor", by, "--json", *more]
        output = self.python(link, "-", self.cache, device, *command, input=SCRIPT.read_text())
        return json.loads(output) if output.startswith("{") else output

    def edit(self, **inputs):
        """Change the inputs of the last good result."""
        result = self.release / ".sample.json"
        saved = json.loads(result.read_text())
        result.write_text(json.dumps({**saved, "grounds": {**saved["grounds"], **inputs}}))


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path)


COMMAND = "the command: doctor --sample-once --json"


@pytest.mark.parametrize("link", ["current", "release"])
def test_while_nothing_has_changed_the_report_has_every_check_and_torch_is_not_imported(box, link):
    report = box.check(link=link)

    assert report["state"] == "good"
    assert [check["name"] for check in report["checks"]] == [
        *("packages", "images", "cache", "token", "disk", "offline guard", "device", "transcription", "sample"),
    ]
    assert report["checks"][-1]["detail"] == "2 of 2 speakers; nothing has changed since"


def test_without_a_result_the_command_decides(box):
    (box.release / ".sample.json").unlink()

    assert box.check() == f"{COMMAND}\n"


@pytest.mark.parametrize(
    "changed",
    [
        {"boot": "another"},
        {"environment": "/another"},
        {"manifest": "another"},
        {"packages": "torch 1.0"},
        {"device": "Tesla T4, driver 580.65.06, CUDA 13.0"},
        {"device": "Tesla T4, driver unknown, CUDA 13.0"},
    ],
    ids=str,
)
def test_after_a_change_the_command_decides(changed, box):
    assert not isinstance(box.check(), str), "control"

    box.edit(**changed)

    assert box.check() == f"{COMMAND}\n"


def test_with_another_device_option_the_command_decides(box):
    assert box.check(device="auto") == f"{COMMAND}\n"


def test_with_a_damaged_model_the_command_decides(box):
    model = next(path for path in Path(box.cache).rglob("*") if path.is_file() and path.parent.name == "blobs")
    model.chmod(0o644)
    model.write_bytes(b"damaged")

    assert box.check() == f"{COMMAND}\n"


def test_without_the_transcription_model_that_is_required_the_command_decides(box):
    assert box.check("--require-transcription") == f"{COMMAND} --require-transcription\n"


def test_to_check_the_sample_every_time_the_command_runs(box):
    assert box.check(by="--sample") == "the command: doctor --sample --json\n"


def test_a_release_with_other_modules_runs_its_command(box):
    (packages,) = box.release.glob("lib/python3*/site-packages")
    (packages / "box.pth").write_text("")

    assert box.check() == f"{COMMAND}\n"
