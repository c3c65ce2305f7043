"""Options for the output files of a benchmark report."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.errors import UsageError
from diarize_runner.jobs.output_file import require_writable, write_output

_FORMATS = ("json", "markdown", "html", "junit")
_FORMAT_BY_SUFFIX = {".md": "markdown", ".html": "html", ".xml": "junit"}


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add one option per format."""
    described = "write the report as JSON, for compare, plan and render"
    parser.add_argument("-o", "--output", dest="json_file", type=Path, metavar="FILE", help=described)
    parser.add_argument(
        "--output-markdown", dest="markdown_file", type=Path, metavar="FILE", help="write Markdown tables"
    )
    parser.add_argument("--output-html", dest="html_file", type=Path, metavar="FILE", help="write one page with plots")
    described = "write JUnit XML: a case fails if its output differs from call to call, or exact's from stock's"
    parser.add_argument("--output-junit", dest="junit_file", type=Path, metavar="FILE", help=described)


def requested_reports(arguments: argparse.Namespace) -> dict[str, Path]:
    """Return the output files by format; check that each can be written.

    Raises:
        UsageError: two outputs are the same file, or the JSON file has the suffix of another format.
        DiskError: a file cannot be written.
    """
    options = {each: getattr(arguments, f"{each}_file") for each in _FORMATS}
    paths = {each: path for each, path in options.items() if path}
    if "json" in paths and (other := _FORMAT_BY_SUFFIX.get(paths["json"].suffix)):
        raise UsageError(f"{paths['json']} has no JSON suffix", hint=f"use --output-{other} {paths['json']}")
    if len({path.resolve() for path in paths.values()}) < len(paths):
        raise UsageError("two outputs are the same file", hint="name another file for one of them")
    for path in paths.values():
        require_writable(path)
    return paths


def write_reports(report: BenchmarkReport, paths: dict[str, Path]) -> None:
    """Write each file atomically; raise DiskError if that fails."""
    for kind, path in paths.items():
        write_output(path, _render(report, kind))


def _render(report: BenchmarkReport, kind: str) -> bytes:
    if kind == "json":
        return report.to_json()
    if kind == "markdown":
        from diarize_runner.benchmark.formats import markdown

        return markdown.render(report).encode()
    if kind == "junit":
        from diarize_runner.benchmark.formats import junit

        return junit.render(report).encode()
    from diarize_runner.benchmark.formats import page  # imports matplotlib, which is slow

    return page.render(report).encode()
