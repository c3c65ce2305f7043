"""Read each output format as its usual readers do."""

import html
import json
import re
from html.parser import HTMLParser
from unicodedata import category
from xml.etree import ElementTree as ET

from diarize_runner.transcript.read import parse

_ITEM = re.compile(r'^ {4}item \[\d+\]:\n {8}class = "IntervalTier"\n {8}name = "((?:[^"]|"")*)"\n', re.MULTILINE)
_INTERVAL = re.compile(r'xmin = ([\d.]+)\n {12}xmax = ([\d.]+)\n {12}text = "((?:[^"]|"")*)"\n')
_CUE = re.compile(r"\n(\S+) --> (\S+)\n(?:<v ([^>]*)>)?(.+?(?:\n.+?)*)(?:</v>)?\n(?=\n|\Z)")


def plain(text):
    """Return the text on one line, without control characters and characters that reorder text."""
    visible = (
        character for character in text if character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    return " ".join("".join(" " if category(each) in ("Cc", "Zl", "Zp") else each for each in visible).split())


def textgrid(text):
    """Return the intervals (start, end, text) of each tier, in order, by name."""
    names = [name.replace('""', '"') for name in _ITEM.findall(text)]
    parts = _ITEM.split(text)[2::2]
    return {
        name: [(float(start), float(end), label.replace('""', '"')) for start, end, label in _INTERVAL.findall(part)]
        for name, part in zip(names, parts, strict=True)
    }


def eaf(text):
    """Return the annotations (start, end, text) of each tier by id; times are in milliseconds."""
    root = ET.fromstring(text.encode())
    times = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    return {
        tier.get("TIER_ID"): [
            (times[a.get("TIME_SLOT_REF1")], times[a.get("TIME_SLOT_REF2")], a.findtext("ANNOTATION_VALUE"))
            for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }


def vtt(text):
    """Return (start, end, text, speaker) of each cue."""
    header, rest = text.split("\n", 1)
    assert header == "WEBVTT"
    cues = _CUE.findall(rest)
    assert "".join(cue.group(0) for cue in _CUE.finditer(rest)) == rest
    return [
        (_seconds(start), _seconds(end), html.unescape(spoken), html.unescape(name) or None)
        for start, end, name, spoken in cues
    ]


def _seconds(stamp):
    hours, minutes, seconds = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _list_texts(tiers):
    return [label for name, intervals in tiers.items() if not name.endswith(" words") for _, _, label in intervals]


class _Page(HTMLParser):
    """Collects the texts of the elements of one class."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.texts, self._inside = kind, [], False

    def handle_starttag(self, tag, attrs):
        self._inside = self.kind in (dict(attrs).get("class") or "").split()
        if self._inside:
            self.texts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.texts[-1] += data


def page(text, kind):
    """Return the texts of a page's elements of class `kind`, which have no child elements."""
    reader = _Page(kind)
    reader.feed(text)
    return reader.texts


def _read_segments(text):
    return [segment["text"] for segment in json.loads(text)["segments"]]


TEXTS = {
    "json": _read_segments,
    "full": _read_segments,
    "whisperlive": _read_segments,
    "whisperlive-rest": _read_segments,
    "whisperlive-socket": _read_segments,
    "openai-verbose": _read_segments,
    "openai-diarized": _read_segments,
    "whisperx": _read_segments,
    "amanu": lambda text: [segment["text"] for segment in json.loads(text)],
    "srt": lambda text: [line.split("] ", 1)[-1] for line in text.splitlines()],
    "srt by sentences": lambda text: [line.split("] ", 1)[-1] for line in text.splitlines()],
    "vtt": lambda text: [spoken for _, _, spoken, _ in vtt(text)],
    "vtt by sentences": lambda text: [spoken for _, _, spoken, _ in vtt(text)],
    "txt": lambda text: [re.sub(r"^\[\S+\] ", "", line) for line in text.splitlines()],
    "ctm": lambda text: [line.split(" ")[4] for line in text.splitlines()],
    "stm": lambda text: [segment.text for segment in parse(text).segments] if text else [],
    "textgrid": lambda text: _list_texts(textgrid(text)),
    "eaf": lambda text: _list_texts(eaf(text)),
    "labels": lambda text: [line.split("\t")[2] for line in text.splitlines()],
    "html": lambda text: page(text, "said"),
}
"""By format: a function from the content of a file to its texts."""
