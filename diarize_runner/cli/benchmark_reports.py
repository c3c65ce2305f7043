"""The files that a benchmark's report is written to."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.errors import UsageError
from diarize_runner.jobs.output_file import require_writable, write_output

_FORMATS = ("json", "markdown", "html", "junit")
_NAMED_AS = {".md": "markdown", ".html": "html", ".xml": "junit"}


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add one option per format."""
    described = "write the report as JSON, which compare, plan and render read"
    parser.add_argument("-o", "--output", dest="json_file", type=Path, metavar="FILE", help=described)
    parser.add_argument("--output-markdown", dest="markdown_file", type=Path, metavar="FILE", help="as Markdown tables")
    parser.add_argument("--output-html", dest="html_file", type=Path, metavar="FILE", help="as one page with plots")
    described = "as JUnit XML: a case fails when its output is not stock's, or differs from call to call"
    parser.add_argument("--output-junit", dest="junit_file", type=Path, metavar="FILE", help=described)


def requested_reports(arguments: argparse.Namespace) -> dict[str, Path]:
    """Return the files by format, once it is sure that each can be written.

    Raises:
        UsageError: two are one file, or JSON is to go into a file that is named as another format.
        DiskError: one cannot be written.
    """
    named = {each: getattr(arguments, f"{each}_file") for each in _FORMATS}
    paths = {each: path for each, path in named.items() if path}
    if "json" in paths and (other := _NAMED_AS.get(paths["json"].suffix)):
        raise UsageError(f"{paths['json']} is not named as JSON", hint=f"--output-{other} {paths['json']}")
    if len({path.resolve() for path in paths.values()}) < len(paths):
        raise UsageError("two outputs are one file", hint="name another file for one of them")
    for path in paths.values():
        require_writable(path)
    return paths


def write_reports(report: BenchmarkReport, paths: dict[str, Path]) -> None:
    """Write each, whole or not at all; raise DiskError when one cannot be."""
    for kind, path in paths.items():
        write_output(path, _rendered(report, kind))


def _rendered(report: BenchmarkReport, kind: str) -> bytes:
    if kind == "json":
        return report.to_json()
    if kind == "markdown":
        from diarize_runner.benchmark.formats import markdown

        return markdown.render(report).encode()
    if kind == "junit":
        from diarize_runner.benchmark.formats import junit

        return junit.render(report).encode()
    from diarize_runner.benchmark.formats import page  # with matplotlib, which takes its time to import

    return page.render(report).encode()
