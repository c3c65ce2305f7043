"""The config.yaml of Amanu's provider gives the defaults of transcription options."""

import argparse

import pytest

from diarize_runner.cli.options import add_device_option
from diarize_runner.cli.transcription_options import add_transcription_options, transcription_options
from diarize_runner.errors import ManifestError, UsageError

DOCUMENTED = """\
transcribe:
  provider: whisperx
  model: large-v2

providers:
  whisperx:
    python_executable: python3.11
    device: cuda
    compute_type: float16
    batch_size: 16
    language: Russian  # or English, Spanish, etc.
    enable_diarization: true
    hf_token: your_huggingface_token_here  # Required for diarization
    models:
      - name: large-v2
        context_window:
          input_tokens: 0
"""


@pytest.fixture
def options(tmp_path):
    def parse(config, *arguments):
        path = tmp_path / "config.yaml"
        path.write_text(config)
        parser = argparse.ArgumentParser()
        add_device_option(parser)
        add_transcription_options(parser)
        return transcription_options(parser.parse_args(["--config", str(path), *arguments]))

    return parse


def test_the_documented_file_is_read(options):
    read = options(DOCUMENTED)
    assert (read.model, read.device, read.compute_type) == ("large-v2", "cuda", "float16")
    assert (read.batch_size, read.language) == (16, "ru")


def test_the_command_line_comes_first(options):
    read = options(DOCUMENTED, "--model", "small", "--device", "cpu", "--compute-type", "int8", "--batch-size", "2")
    assert (read.model, read.device, read.compute_type, read.batch_size) == ("small", "cpu", "int8", 2)


@pytest.mark.parametrize(
    "config",
    [
        *("", "{}", "transcribe:", "providers: {whisperx: }", "transcribe: {model: null}"),
        *("providers: {whisperx: {language: null}}", "providers: {other: {}}"),
    ],
)
def test_what_is_not_given_has_its_default(options, config):
    read = options(config)
    assert (read.model, read.language, read.compute_type, read.batch_size) == (None, None, "auto", 8)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[", "not a valid config.yaml"),
        ("providers: {whisperx: {devise: cuda}}", "unknown key 'devise'"),
        ("providers: {whisperx: {device: tpu}}", "'tpu' is not one of auto, cuda, cpu in 'providers.whisperx.device'"),
        ("providers: {whisperx: {batch_size: many}}", "expected a whole number"),
        ("- 1", "expected an object"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(options, config, message):
    with pytest.raises(ManifestError, match=message) as raised:
        options(config)
    assert raised.value.hint


def test_a_language_and_a_precision_of_the_file_are_checked(options):
    with pytest.raises(UsageError, match="knows no language 'Elvish'"):
        options("providers: {whisperx: {language: Elvish}}")
    with pytest.raises(UsageError, match="float16 needs a GPU"):
        options("providers: {whisperx: {device: cpu, compute_type: float16}}")


TOKEN = "short-secret"
LEAKS = {
    "a colon after it": f"providers: \n  whisperx:\n    hf_token: {TOKEN}: oops\n",
    "an open quote": f"providers:\n  whisperx:\n    hf_token: '{TOKEN}\n",
    "a wrong tag": f"providers:\n  whisperx:\n    hf_token: !!int {TOKEN}\n",
    "an unknown key": f"providers:\n  whisperx:\n    hf_tokn: {TOKEN}\n",
    "a string in place of the section": f"providers:\n  whisperx: {TOKEN}\n",
    "nothing else": TOKEN,
    "a character that is none": f"hf_token: {TOKEN}\0",
}


@pytest.mark.parametrize("config", LEAKS.values(), ids=LEAKS)
def test_no_error_shows_the_token_or_another_line_of_the_file(options, config):
    with pytest.raises(ManifestError) as raised:
        options(config)
    assert TOKEN not in f"{raised.value} {raised.value.hint}"
    assert "\n" not in str(raised.value)
    assert raised.value.hint
    assert raised.value.__cause__ is None or TOKEN not in str(raised.value.__cause__)


def test_a_file_that_cannot_be_read_is_named(options, tmp_path):
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ManifestError, match=f"cannot read {path}: ") as raised:
            options("{}", "--config", str(path))
        assert raised.value.hint == "check the path"


@pytest.mark.parametrize("size", [0, 5000])
def test_a_batch_of_the_file_is_checked(options, size):
    with pytest.raises(UsageError, match=f"a batch of {size} is not possible"):
        options(f"providers: {{whisperx: {{batch_size: {size}}}}}")
