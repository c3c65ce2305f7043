"""What makes the command line easy to learn: help, examples, suggestions, completion, the environment, and colour."""

import io
import logging
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diarize_runner.cli import build_parser
from diarize_runner.cli.commands import COMMANDS
from diarize_runner.cli.fleet import build_parser as build_fleet_parser
from diarize_runner.cli.logs import log_to
from diarize_runner.cli.progress import ProgressLines
from diarize_runner.diarization.engines import DEVICES

BIN = Path(sys.executable).parent


class TestHelp:
    @pytest.mark.parametrize("words", [[], ["cache"]], ids=["no command", "no verb"])
    def test_an_incomplete_command_line_prints_its_help(self, run, words):
        ran = run(*words)

        assert (ran.exit_code, ran.stdout) == (2, "")
        assert ran.stderr.startswith(f"usage: {' '.join(['diarize-runner', *words])} [-h]")

    def test_help_imports_the_module_of_no_command(self):
        loaded = "import sys; from diarize_runner.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        loaded += "print(sorted(name for name in sys.modules if name.startswith('diarize_runner.cli.cache')))"
        done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
        assert done.stdout.endswith("[]\n")

    @pytest.mark.parametrize("option", ["-V", "--version"])
    def test_the_version_has_a_short_option(self, run, option):
        assert re.fullmatch(r"diarize-runner \d+\.\d+\.\d+\n", run(option).stdout)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_help_ends_with_an_example_that_the_command_accepts(self, run, name, monkeypatch):
        monkeypatch.setenv("COLUMNS", "300")
        words = shlex.split(COMMANDS[name].example.partition(" >")[0])

        assert run(*name.split(), "--help").stdout.endswith(f"example:\n  diarize-runner {COMMANDS[name].example}\n")
        assert build_parser(words).parse_args(words).run.__module__ == COMMANDS[name].module(name)

    def test_the_examples_of_the_fleet_script_are_accepted_too(self):
        parser = build_fleet_parser()
        for name in ("launch", "host-keys", "terminate"):
            (command,) = (action.choices[name] for action in parser._actions if isinstance(action.choices, dict))
            example = command.format_help().rpartition("launch_box.py ")[2]
            assert parser.parse_args(shlex.split(example.partition(" >>")[0])).name == "calls"


class TestSuggestions:
    @pytest.mark.parametrize(
        ("words", "error", "near", "shown_by"),
        [
            (["diarise", "a.wav"], "COMMAND: 'diarise' is not one of ", "diarize", "diarize-runner"),
            (["cache", "restor"], "VERB: 'restor' is not one of ", "restore", "diarize-runner cache"),
            (["doctor", "--devise=cpu"], "unrecognized arguments: --devise=cpu", "--device", "diarize-runner doctor"),
            (["vad", "--engine", "exakt"], "--engine: 'exakt' is not one of auto", "exact", "diarize-runner vad"),
        ],
        ids=["a command", "a verb", "an option", "a value"],
    )
    def test_a_misspelt_word_is_answered_with_the_nearest_one(self, run, words, error, near, shown_by):
        ran = run(*words)

        assert ran.exit_code == 2
        assert ran.stderr.startswith(f"error: {error}")
        assert ran.stderr.endswith(f"\nhint: did you mean {near}? see: {shown_by} --help\n")

    @pytest.mark.parametrize("words", [["--json", "diarize", "a.wav"], ["cache", "--json", "list"]])
    def test_an_option_in_front_of_its_command_is_named(self, run, words):
        said = "error: --json comes before the command\nhint: write options after the command\n"
        assert said in run(*words).stderr

    def test_a_word_that_resembles_nothing_is_answered_with_the_help(self, run):
        assert run("xyzzy").stderr.endswith("\nhint: see: diarize-runner --help\n")


class TestEnvironment:
    def test_the_store_can_come_from_the_environment(self, run, store, tmp_path, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_STORE", store)

        assert run("cache", "restore", "--into", tmp_path / "box").exit_code == 0
        assert run("cache", "list", "--json").document["versions"][0]["version"] == "1.0"
        assert run("cache", "list", "--store", "file:///elsewhere", "--json").document["versions"] == []

    def test_a_repair_takes_the_store_from_the_environment(self, run, store, box, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_STORE", store)
        next(path for path in box.rglob("blobs/*") if path.is_file()).write_bytes(b"damaged")

        assert run("cache", "verify", box).exit_code == 3
        assert run("cache", "verify", box, "--repair").exit_code == 0

    def test_no_environment_makes_prune_delete_from_a_store(self, run, store, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_STORE", store)
        assert run("cache", "prune").exit_code == 2

    @pytest.mark.parametrize("name", ["DIARIZE_RUNNER_STORE", "DIARIZE_RUNNER_CACHE", "DIARIZE_RUNNER_DEVICE"])
    def test_an_empty_variable_counts_as_unset(self, name, monkeypatch):
        monkeypatch.delenv(name, raising=False)
        words = ["cache", "list", "--store", "x"] if name.endswith("STORE") else ["doctor"]
        unset = vars(build_parser(words).parse_args(words))
        monkeypatch.setenv(name, "")
        assert vars(build_parser(words).parse_args(words)) == unset

    @pytest.mark.parametrize("device", DEVICES)
    def test_the_device_can_come_from_the_environment(self, device, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_DEVICE", device)
        for words in (["diarize", "a.wav"], ["doctor"], ["benchmark", "run"]):
            assert build_parser(words).parse_args(words).device == device

    def test_a_wrong_device_in_the_environment_names_its_variable(self, run, monkeypatch):
        monkeypatch.setenv("DIARIZE_RUNNER_DEVICE", "tpu")
        assert run("doctor").stderr.startswith(
            "error: argument --device: 'tpu' (from $DIARIZE_RUNNER_DEVICE) is not one of auto, cuda, cpu\n"
        )


class TestQuietAndVerbose:
    def test_quiet_prints_nothing_on_success_and_the_error_on_failure(self, run, box):
        assert run("cache", "verify", box).stderr != ""
        assert run("cache", "verify", box, "-q").stderr == ""
        next(path for path in box.rglob("blobs/*") if path.is_file()).write_bytes(b"damaged")
        assert run("cache", "verify", box, "--quiet").stderr.startswith("error: ")

    def test_quiet_keeps_the_data_on_stdout(self, run, store):
        assert run("cache", "list", "--store", store, "-q", "--json").document["versions"]

    def test_a_batch_that_is_quiet_still_prints_the_errors_of_its_recordings(self, run, box, tmp_path):
        for name in ("a.wav", "b.wav"):
            (tmp_path / name).write_text("not audio")

        ran = run("diarize", tmp_path / "a.wav", tmp_path / "b.wav", "--cache", box, "-q")

        assert ran.exit_code == 1
        assert [line.partition(":")[0] for line in ran.stderr.splitlines()].count("error") == 2
        assert "failed" not in ran.stderr.splitlines()[-1]

    def test_verbose_logs_what_is_read_from_the_store(self, run, store, tmp_path):
        url = f"{store}/latest/manifest.json"
        restore = ["cache", "restore", "--store", store, "--into"]

        assert run(*restore, tmp_path / "quiet").stderr.count("\n") == 1
        assert "INFO diarize_runner" in run(*restore, tmp_path / "verbose", "-v").stderr
        assert re.search(rf"DEBUG diarize_runner.*{re.escape(url)}", run(*restore, tmp_path / "more", "-vv").stderr)

    def test_quiet_and_verbose_exclude_each_other(self, run):
        assert run("doctor", "-q", "-v").exit_code == 2

    def test_a_log_line_cannot_forge_another(self):
        stream = io.StringIO()
        with log_to(ProgressLines(stream, lambda: 0.0), 1):
            logging.getLogger("diarize_runner.somewhere").info("read %s", "a\nerror: forged")
        assert stream.getvalue().endswith("INFO diarize_runner.somewhere: read a\\nerror: forged\n")


def on_a_terminal(*command, **environment):
    """Run a command with a terminal as its stderr; return what it printed there."""
    leader, follower = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment = {**clean, "TERM": "xterm-256color", **environment}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=follower, env=environment, check=False)
    os.close(follower)
    printed = b""
    try:
        while data := os.read(leader, 4096):
            printed += data
    except OSError:  # Linux reports the end so
        os.close(leader)
    return printed.decode()


class TestColour:
    def test_errors_are_in_colour_on_a_terminal(self):
        printed = on_a_terminal(BIN / "diarize-runner", "cache", "verify", "/nowhere")
        assert "\r\x1b[1;31merror:\x1b[0m " in printed
        assert "\n\x1b[36mhint:\x1b[0m " in printed

    def test_no_color_is_respected(self):
        printed = on_a_terminal(BIN / "diarize-runner", "cache", "verify", "/nowhere", NO_COLOR="1")
        assert not re.search(r"\x1b\[[\d;]*3\d", printed)

    @pytest.mark.long
    def test_the_doctor_colours_the_state_of_each_check(self):
        printed = on_a_terminal(BIN / "diarize-runner", "doctor", "--cache", "/nowhere")
        assert "\x1b[1;31mbroken \x1b[0m cache: " in printed
        assert "\x1b[32mgood   \x1b[0m offline guard: " in printed

    def test_away_from_a_terminal_nothing_is_coloured(self, run):
        assert "\x1b" not in run("doctor", "--cache", "/nowhere").stderr


LINES = {
    "diarize-runner cache re": {"resolve", "restore"},
    "diarize-runner doctor --sample-": {"--sample-once"},
    "diarize-runner vad --engine ": {"auto", "exact", "fast", "stock"},
}


class TestCompletion:
    @pytest.mark.parametrize(("line", "expected"), LINES.items(), ids=list(LINES))
    def test_bash_completes_commands_options_and_values(self, line, expected, tmp_path):
        script = f"""
            source <(diarize-runner completion bash)
            COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_TYPE=9
            COMP_WORDS=({line}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _python_argcomplete_diarize_runner diarize-runner 2>/dev/null || _python_argcomplete diarize-runner
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = self.shell("bash", script, tmp_path)
        assert {word.strip() for word in done.splitlines()} == expected

    @pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
    def test_fish_completes_verbs(self, tmp_path):
        script = 'diarize-runner completion fish | source; complete -C "diarize-runner cache re"'
        assert {line.split()[0] for line in self.shell("fish", script, tmp_path).splitlines()} == {"resolve", "restore"}

    @pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
    def test_zsh_accepts_the_script(self, tmp_path):
        script = "autoload -U compinit && compinit -u; source <(diarize-runner completion zsh)"
        script += "; print $+functions[_python_argcomplete]"
        assert self.shell("zsh", script, tmp_path) == "1\n"

    def test_an_unknown_shell_is_refused(self, run):
        assert run("completion", "tcsh").stderr.startswith("error: SHELL: 'tcsh' is not one of bash, zsh, fish\n")

    def shell(self, name, script, home):
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home)}
        command = [shutil.which(name), "-c", script]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
