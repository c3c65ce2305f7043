"""Put the tables of a report into a document: `python -m benchmarks.transcription.page DOCUMENT`.

    <!-- transcription benchmarks/some-report.json -->
    ...
    <!-- end of transcription -->

The path is relative to the document's folder. The text between the lines is replaced.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diarize_runner.benchmark.formats.figures import (
    format_day,
    format_duration,
    format_megabytes,
    format_percent,
    format_seconds,
)
from diarize_runner.benchmark.formats.markdown import render_table
from diarize_runner.benchmark.formats.table import Table

_BLOCK = re.compile(
    r"(?P<first><!-- transcription (?P<path>\S+) -->\n).*?(?P<last>^<!-- end of transcription -->$)",
    re.DOTALL | re.MULTILINE,
)
_RATES = ("wer", "cpwer", "tcpwer")
_COLUMNS = ("WER", "cpWER", "tcpWER")


def refresh(document: str, folder: Path) -> str:
    """Return the document with the tables of its report."""

    def regenerate(block: re.Match[str]) -> str:
        report = json.loads((folder / block["path"]).read_text(encoding="utf-8"))
        return f"{block['first']}{render(report)}\n{block['last']}"

    return _BLOCK.sub(regenerate, document)


def render(report: Mapping[str, Any]) -> str:
    """Return the tables of a report, and what they were measured on."""
    tables = "\n\n".join(f"**{table.title}**\n\n{render_table(table)}" for table in _tables(report))
    return f"{tables}\n\n{_machine(report)}"


def _tables(report: Mapping[str, Any]) -> Iterator[Table]:
    if "accuracy" in report:
        yield _accuracy(report)
    if "speed" in report:
        yield _speed(report["speed"])
    if "commands" in report:
        yield _commands(report["commands"])
    if "memory" in report:
        yield _memory(report["memory"])


def _accuracy(report: Mapping[str, Any]) -> Table:
    seconds = sum(each["seconds"] for each in report["recordings"])
    return Table(
        title="Accuracy",
        headings=("transcribed in", "speakers by", "of", *_COLUMNS, "words without speaker"),
        rows=tuple(
            (
                f"batches of {row['batch_size']}",
                row["labelled_by"],
                row["speakers_of"],
                *_rates(row),
                f"{row['words_without_speaker']} of {row['words']}",
            )
            for row in report["accuracy"]
        ),
        note=f"Recordings: {len(report['recordings'])}, {format_duration(seconds)} in all.",
    )


def _speed(speed: Mapping[str, Any]) -> Table:
    return Table(
        title="Speed, with loaded models",
        headings=("stages", "processing (median)", "RTF"),
        rows=tuple(
            (name, format_seconds(way["median_seconds"]), f"{way['rtf']:.3f}") for name, way in speed["ways"].items()
        ),
        note=f"{format_duration(speed['audio_seconds'])} of audio; {_rounds(speed['ways'])}.",
    )


def _commands(commands: Mapping[str, Any]) -> Table:
    return Table(
        title="Cold commands",
        headings=("command", "start to labelled file (median)", "segments", *_COLUMNS),
        rows=tuple(
            (name, format_seconds(found["median_seconds"]), str(found["segments"]), *_rates(found))
            for name, found in commands["commands"].items()
        ),
        note=f"{format_duration(commands['audio_seconds'])} of audio; {_rounds(commands['commands'])}. "
        "Speakers of segments are scored.",
    )


def _memory(memory: Mapping[str, Any]) -> Table:
    return Table(
        title="Peak memory of run",
        headings=("child process, int8", "all processes together"),
        rows=((format_megabytes(memory["child_peak_bytes"]), format_megabytes(memory["together_peak_bytes"])),),
        note=f"{format_duration(memory['audio_seconds'])} of audio. Shared libraries count once for each process.",
    )


def _rates(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(format_percent(row[name] / 100) for name in _RATES)


def _rounds(measured: Mapping[str, Any]) -> str:
    (count,) = {len(each["seconds"]) for each in measured.values()}
    return "one round" if count == 1 else f"{count} rounds"


def _machine(report: Mapping[str, Any]) -> str:
    machine, day = report["environment"], format_day(report["date"])
    what = f"model {report['model']}, engine {report['engine']}, cache {report['cache'].rpartition(' ')[0]}"
    return f"On cpu: {machine['cpu_count']} cores of {machine['cpu']}; {what}; {day}."


def main() -> None:
    """Refresh the document that the command line names."""
    document = Path(sys.argv[1])
    document.write_text(refresh(document.read_text(encoding="utf-8"), document.parent), encoding="utf-8")


if __name__ == "__main__":
    main()
