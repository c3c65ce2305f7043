"""The README's Python example runs in a notebook, on a small pipeline."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from support import pipelines
from support.command import ROOT
from support.small_pipelines import restored
from support.sounds import write_wav

pytestmark = pytest.mark.scenario

SCRIPT = {"ada": [(0.0, 2.5)], "bo": [(2.5, 5.0)]}


def readme_examples():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """The notebook's folder, with the recording and the transcript of the README's example."""
    sound = pipelines.recording(SCRIPT, 5 * pipelines.RATE).numpy()
    write_wav(tmp_path / "call.wav", [sound], pipelines.RATE)
    (tmp_path / "call.srt").write_text("1\n00:00:00,200 --> 00:00:02,000\nHello.\n")
    return tmp_path


def test_the_readme_s_example_runs_in_a_notebook_and_draws_the_timeline(folder, monkeypatch):
    monkeypatch.setenv("DIARIZE_RUNNER_CACHE", str(restored(folder / "site")))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("HOME", str(folder))
    (example,) = readme_examples()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(example)])

    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()

    (result,) = [each for each in notebook.cells[0].outputs if each.output_type == "execute_result"]
    assert "<iframe" in result.data["text/html"]
    assert "Hello." in (folder / "call.html").read_text(encoding="utf-8")
