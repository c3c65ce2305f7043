"""The README's Python example runs in a notebook, on the embedded models."""

import re
import shutil
from importlib.metadata import distribution

import nbformat
import pytest
from nbclient import NotebookClient
from support.command import ROOT

pytestmark = pytest.mark.scenario

SAMPLE = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")


def readme_examples():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """The notebook's folder, with the recording and the transcript of the README's example."""
    shutil.copy(SAMPLE, tmp_path / "call.wav")
    (tmp_path / "call.srt").write_text("1\n00:00:18,200 --> 00:00:20,000\nMine too.\n")
    return tmp_path


def test_the_readme_s_example_runs_in_a_notebook_and_draws_the_timeline(folder, embedded_box, monkeypatch):
    monkeypatch.setenv("DIARIZE_RUNNER_CACHE", str(embedded_box))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("HOME", str(folder))
    (example,) = readme_examples()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(example)])

    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()

    (result,) = [each for each in notebook.cells[0].outputs if each.output_type == "execute_result"]
    assert "<iframe" in result.data["text/html"]
    assert "New Jersey" in (folder / "call.html").read_text(encoding="utf-8")
    assert "[SPEAKER_00] Mine too." in (folder / "labelled.srt").read_text(encoding="utf-8")
