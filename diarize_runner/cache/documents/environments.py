"""The manifest's section `environments`: images of the installed packages, which a box mounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.cache.documents.snapshot import parse_content
from diarize_runner.cache.documents.wheelhouse import WHEELS, PublishedFile

ENVIRONMENTS = "environments"
_PYTHON, _PART = r"3\.[1-9][0-9]?", r"[a-z][a-z0-9]*"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentImage:
    """A squashfs image of packages for one Python: the content of a `site-packages` folder."""

    python: str
    """Such as `3.11`."""
    part: str
    """Which of the packages it holds, such as `cuda`; the images of one Python hold them all together."""
    file: PublishedFile
    left_out: tuple[str, ...]
    """Shell patterns over paths in the image, whose `*` matches `/`, too: files of the packages that it lacks."""

    def to_dict(self) -> dict[str, object]:
        """Return the image as the manifest writes it."""
        return {"python": self.python, "part": self.part, **self.file.to_dict(), "left_out": [*self.left_out]}

    @classmethod
    def from_node(cls, node: Node) -> "EnvironmentImage":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["python", "part", "name", "size", "digest", "left_out"])
        python = fields["python"].matching(_PYTHON, "a version of Python such as '3.11'")
        part = fields["part"].matching(_PART, "a name of lower-case letters and digits")
        if fields["name"].text() != (name := image_name(python, part)):
            raise fields["name"].error(f"expected the name {name!r}, not {fields['name'].value!r}")
        return cls(
            python=python,
            part=part,
            file=PublishedFile(name=name, content=parse_content(fields)),
            left_out=tuple(pattern.path() for pattern in fields["left_out"].items()),
        )


def image_name(python: str, part: str) -> str:
    """Return the file name of an image."""
    return f"environment-cp{python.replace('.', '')}-{part}.squashfs"


def to_sections(images: Sequence[EnvironmentImage]) -> dict[str, object]:
    """Return the section as the manifest writes it; empty without images."""
    return {ENVIRONMENTS: {"images": [image.to_dict() for image in images]}} if images else {}


def from_sections(sections: Mapping[str, Node]) -> tuple[EnvironmentImage, ...]:
    """Parse the section of a manifest; return no images without it.

    Raises:
        ManifestError: a field is wrong, there is no image, an image is repeated, or the section `wheels` is missing.
    """
    if ENVIRONMENTS not in sections:
        return ()
    section = sections[ENVIRONMENTS]
    if WHEELS not in sections:
        raise section.error(f"this section requires the section '{WHEELS}'")
    listed = section.fields(["images"])["images"]
    images = tuple(EnvironmentImage.from_node(item) for item in listed.items())
    if not images:
        raise listed.error("expected at least one image")
    require_unique_paths([image.file.name for image in images], listed)
    return images
