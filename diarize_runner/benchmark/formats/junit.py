"""Render a report as JUnit XML: a test case for each recording and engine fails if the output is wrong."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.diarization.engines import EQUAL_TO_STOCK

_NOT_XML = re.compile(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""See https://www.w3.org/TR/xml/#charsets; also matches line ends, as a name is one line."""


def render(report: BenchmarkReport) -> str:
    """Return the XML."""
    root = ET.Element("testsuites", name="diarize-runner benchmark")
    for series in report.series:
        root.append(_suite(series))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(series: Series) -> ET.Element:
    cases = [_case(series, measured) for measured in series.measurements]
    suite = ET.Element(
        "testsuite",
        name=_in_xml(f"{series.engine} on {series.device}"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors="0",
        time=f"{series.median_seconds:.6f}",
    )
    suite.extend(cases)
    return suite


def _case(series: Series, measured: Measurement) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=_in_xml(f"benchmark.{series.engine}"),
        name=_in_xml(measured.uri),
        time=f"{measured.median_seconds:.6f}",
    )
    properties = ET.SubElement(case, "properties")
    for name, value in _figures(measured):
        ET.SubElement(properties, "property", name=name, value=value)
    for fault in _faults(series.engine, measured):
        ET.SubElement(case, "failure", message=fault)
    return case


def _in_xml(text: str) -> str:
    return _NOT_XML.sub("?", text)


def _figures(measured: Measurement) -> Iterator[tuple[str, str]]:
    yield "real_time_factor", f"{measured.real_time_factor:.6f}"
    yield "audio_seconds", f"{measured.audio_seconds:.6f}"
    yield "speakers", str(measured.speakers)
    if measured.score:
        yield "der", f"{measured.score.der:.6f}"


def _faults(engine: str, measured: Measurement) -> Iterator[str]:
    if engine in EQUAL_TO_STOCK and measured.same_as_stock is False:
        yield "the output differs from stock pyannote's"
    if measured.repeatable is False:
        yield "the output differs from call to call"
