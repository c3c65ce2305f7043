"""Wheels, and a folder of them that stands in for a package index."""

import zipfile

from diarize_runner.digests import content_of_file


def write_wheel(index, name, version, members, *, build=""):
    """Write a wheel that pip accepts, with `members` beside its own; return its path."""
    index.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = index / f"{name}-{version}{build}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in {**members, **described, f"{info}/RECORD": b""}.items():
            wheel.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    return path


def write_page(index):
    """Write the page that a package index has, with every wheel's digest; return its path."""
    page = index / "links.html"
    links = [
        f'<a href="{path.name}#sha256={content_of_file(path).digest.hex}">{path.name}</a>'
        for path in index.glob("*.whl")
    ]
    page.write_text("<!DOCTYPE html>" + "".join(links))
    return page
