"""ELAN's annotation document, with tiers for each speaker's segments, words and turns.

Each annotation has its own two time slots, because ELAN moves annotations that share a slot together. Times are in
milliseconds. tiers.py resolves overlaps within a tier. The recording is linked by its path from the document. U+FFFD
replaces characters that XML does not allow. The mandatory date is constant, so that equal results are equal files.

Specified in https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf and EAFv3.0.xsd beside it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from xml.etree import ElementTree as ET

from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.media import media_type
from diarize_runner.transcript.formats.tiers import Interval, Tier, build_tiers

_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
_SEGMENT = "segment"
_ATTRIBUTES = {
    "AUTHOR": "",
    "DATE": "1970-01-01T00:00:00Z",
    "FORMAT": "3.0",
    "VERSION": "3.0",
    _SCHEMA: "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Annotation:
    name: str
    interval: Interval


_Slots = dict[tuple[str, str], str]
"""Time slot ids by annotation name and side, `start` or `end`."""


def render(document: Document) -> str:
    """Write the tiers."""
    tiers = build_tiers(document.transcript)
    numbered = enumerate((interval for tier in tiers for interval in tier.intervals), start=1)
    annotations = [_Annotation(name=f"a{number}", interval=interval) for number, interval in numbered]
    root = ET.Element("ANNOTATION_DOCUMENT", _ATTRIBUTES)
    _add_header(root, document.media, len(annotations))
    slots = _add_time_order(root, annotations)
    for tier, in_tier in zip(tiers, _split_by_tier(annotations, tiers), strict=True):
        _add_tier(root, tier, in_tier, slots)
    kind = {"LINGUISTIC_TYPE_ID": _SEGMENT, "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ET.SubElement(root, "LINGUISTIC_TYPE", kind)
    ET.indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _split_by_tier(annotations: list[_Annotation], tiers: Iterable[Tier]) -> Iterator[list[_Annotation]]:
    """Yield the annotations of each tier; they are in the order of the tiers."""
    remaining = iter(annotations)
    return (list(islice(remaining, len(tier.intervals))) for tier in tiers)


def _add_header(root: ET.Element, media: str | None, annotations: int) -> None:
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if media is not None:
        relative = media if media.startswith("../") else f"./{media}"  # as ELAN writes it
        address = {"MEDIA_URL": relative, "RELATIVE_MEDIA_URL": relative}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", address, MIME_TYPE=media_type(media))
    ET.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(annotations)


def _add_time_order(root: ET.Element, annotations: list[_Annotation]) -> _Slots:
    starts = [(annotation.interval.start, annotation.name, "start") for annotation in annotations]
    ends = [(annotation.interval.end, annotation.name, "end") for annotation in annotations]
    order, slots = ET.SubElement(root, "TIME_ORDER"), _Slots()
    for number, (time, name, side) in enumerate(sorted(starts + ends, key=itemgetter(0)), start=1):
        slots[name, side] = f"ts{number}"
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{number}", TIME_VALUE=str(time))
    return slots


def _add_tier(root: ET.Element, tier: Tier, annotations: list[_Annotation], slots: _Slots) -> None:
    names = {"PARTICIPANT": _to_xml(one_line(tier.speaker)), "TIER_ID": _to_xml(tier.name)}
    element = ET.SubElement(root, "TIER", names, LINGUISTIC_TYPE_REF=_SEGMENT)
    for annotation in annotations:
        attributes = {
            "ANNOTATION_ID": annotation.name,
            "TIME_SLOT_REF1": slots[annotation.name, "start"],
            "TIME_SLOT_REF2": slots[annotation.name, "end"],
        }
        aligned = ET.SubElement(ET.SubElement(element, "ANNOTATION"), "ALIGNABLE_ANNOTATION", attributes)
        ET.SubElement(aligned, "ANNOTATION_VALUE").text = _to_xml(annotation.interval.text)


def _to_xml(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
