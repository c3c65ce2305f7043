"""The documents: every link leads somewhere, every command is described, generated tables match their reports."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from diarize_runner.benchmark.formats.readme import refresh_tables
from diarize_runner.cli import build_parser
from diarize_runner.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
DOCUMENTS = [name for name in TRACKED.splitlines() if not name.startswith("tests/")] or ["README.md"]
GENERATED = ("README.md", "docs/benchmarks.md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(document):
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_inside_the_repository_leads_somewhere(name):
    document = ROOT / name
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        linked = (document.parent / path) if path else document
        assert linked.exists(), f"{name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{name} links to {target}"


def test_every_command_is_described_in_the_documents():
    text = (ROOT / "docs/command.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        group, _, verb = name.rpartition(" ")
        assert re.search(rf"`{group}.*`[^|]*\b{verb}\b|`{group} \[?{verb}" if group else rf"`{verb}\b", text), name


def commands_in(name):
    """Return the words of each `diarize-runner` command that a document quotes, without the program's name."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [shlex.split(words, comments=True) for words in re.findall(r"[`/]diarize-runner ([a-z][^`\n\\|]*)", text)]


@pytest.mark.parametrize("name", ["docs/troubleshooting.md", "docs/models.md", "docs/boxes.md"])
def test_every_quoted_command_has_its_options(name):
    commands = commands_in(name)
    assert commands
    for words in commands:
        build_parser(words).parse_args(words)


def test_our_errors_that_the_troubleshooting_page_quotes_are_in_the_code():
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    code = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "diarize_runner").rglob("*.py"))
    ours = (
        "is gated, and",
        "no token was sent",
        "the Hub cannot be reached",
        "not as published",
        "does not match its etag",
    )
    ours += (
        "this is WSL2, but",
        "torch finds no CUDA device",
        "is loaded, but",
        "the recording lasts",
        "speakers found",
    )
    ours += ("holds no audio stream",)
    ours += (
        "knows only English",
        "cannot translate: it knows only English",
        "Whisper knows no language",
        "holds no model",
        "holds no transcription model",
        "float16 needs a GPU",
        "transcription on a GPU needs cuBLAS 12",
        "memory ran out with batches of",
        "has changed since it was verified",
        "not a valid config.yaml",
    )
    for words in ours:
        assert words in text, words
        assert words in code, words


@pytest.mark.parametrize("name", GENERATED)
def test_generated_tables_match_their_reports(name):
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    assert "<!-- benchmark " in text
    assert refresh_tables(text, document.parent) == text, f"run: diarize-runner benchmark readme {name}"


def test_every_test_that_the_threat_model_names_exists():
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    last = ""
    for path, name in re.findall(r"`(?:[\w/]*/)?(test_\w+\.py)?(?:::(\w+))?`", text):
        last = path or last
        if path or name:
            assert last in files, path
            assert not name or re.search(rf"\b(def|class) {name}\b", files[last]), f"{last}::{name}"
