"""ELAN's annotation document, with a tier for what each speaker said, one for the words, one for the turns.

Each annotation has two time slots of its own, for ELAN moves annotations that share one together. Times are in
milliseconds. Where texts of one speaker overlap, see tiers.py. The recording is linked by its path from the document.
U+FFFD stands for each of the few characters that XML cannot hold and fields.py leaves. The date, which a document must
have, is always the same, so that the same result is the same file.

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
from diarize_runner.transcript.formats.tiers import Interval, Tier, tiers_of

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
"""Time slots by annotation and side."""


def render(document: Document) -> str:
    """Write the tiers."""
    tiers = tiers_of(document.transcript)
    marked = (interval for tier in tiers for interval in tier.intervals)
    annotations = [_Annotation(name=f"a{number}", interval=interval) for number, interval in enumerate(marked, start=1)]
    root = ET.Element("ANNOTATION_DOCUMENT", _ATTRIBUTES)
    _add_header(root, document.media, len(annotations))
    slots = _add_time_order(root, annotations)
    for tier, own in zip(tiers, _in_runs(annotations, tiers), strict=True):
        _add_tier(root, tier, own, slots)
    kind = {"LINGUISTIC_TYPE_ID": _SEGMENT, "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ET.SubElement(root, "LINGUISTIC_TYPE", kind)
    ET.indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _in_runs(annotations: list[_Annotation], tiers: Iterable[Tier]) -> Iterator[list[_Annotation]]:
    """Cut the annotations, which are in the order of their tiers, into those of each tier."""
    following = iter(annotations)
    return (list(islice(following, len(tier.intervals))) for tier in tiers)


def _add_header(root: ET.Element, media: str | None, annotations: int) -> None:
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if media is not None:
        relative = media if media.startswith("../") else f"./{media}"  # as ELAN itself writes it
        where = {"MEDIA_URL": relative, "RELATIVE_MEDIA_URL": relative}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", where, MIME_TYPE=media_type(media))
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
    names = {"PARTICIPANT": _in_xml(one_line(tier.speaker)), "TIER_ID": _in_xml(tier.name)}
    element = ET.SubElement(root, "TIER", names, LINGUISTIC_TYPE_REF=_SEGMENT)
    for annotation in annotations:
        sides = {
            "ANNOTATION_ID": annotation.name,
            "TIME_SLOT_REF1": slots[annotation.name, "start"],
            "TIME_SLOT_REF2": slots[annotation.name, "end"],
        }
        aligned = ET.SubElement(ET.SubElement(element, "ANNOTATION"), "ALIGNABLE_ANNOTATION", sides)
        ET.SubElement(aligned, "ANNOTATION_VALUE").text = _in_xml(annotation.interval.text)


def _in_xml(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
