"""The web page of the service: one document, with its style and script in it.

    page.html     the texts and fields
    page.css      its style, below the colours of the HTML result
    api.js        requests with the key, problems, events
    elements.js   elements, times, announcements, the question before a deletion
    uploads.js    chosen files, uploads and their progress
    jobs.js       the list of jobs, and what follows them
    result.js     an ended job: its HTML result in a sandboxed frame, names, downloads
    main.js       the key, and which part is shown

The scripts are one module of JavaScript, so that they share their names and add none to the page. The policy allows
this script and style by their digests, and those of the HTML result: a frame inherits the policy of its page
(https://html.spec.whatwg.org/multipage/browsers.html#determining-navigation-params-policy-container). The frame's
sandbox gives the result an origin of its own, so that it reads neither the key nor the service.
"""

from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

from diarize_runner.transcript.formats import html

_SCRIPTS: Final = ("api.js", "elements.js", "uploads.js", "jobs.js", "result.js", "main.js")


@cache
def document() -> str:
    """Return the page."""
    return Template(_read("page.html")).substitute(style=_style(), script=_script())


@cache
def policy() -> str:
    """Return the page's Content-Security-Policy."""
    result_script, result_style = html.allowed_parts()
    parts = {
        "default-src": "'none'",
        "script-src": _hashes(_script(), result_script),
        "style-src": _hashes(_style(), result_style),
        "connect-src": "'self'",
        "img-src": "data:",
        "media-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _hashes(*texts: str) -> str:
    return " ".join(f"'{html.csp_hash(text)}'" for text in texts)


@cache
def _style() -> str:
    return html.palette() + _read("page.css")


@cache
def _script() -> str:
    return "\n".join(map(_read, _SCRIPTS))


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
