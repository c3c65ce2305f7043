"""The manifest's sections `wheels` and `bootstrap`: the packages that a box installs, and its first script."""

from collections.abc import Mapping
from dataclasses import dataclass

from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.cache.documents.snapshot import parse_content
from diarize_runner.digests import Content

WHEELS, BOOTSTRAP = "wheels", "bootstrap"
_WHEEL_NAME = r"[A-Za-z0-9][A-Za-z0-9._+!]*(-[A-Za-z0-9._+!]+){4,5}\.whl"
"""https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedFile:
    """A file of a published version."""

    name: str
    content: Content

    def to_dict(self) -> dict[str, object]:
        """Return the file as the documents write it."""
        return {"name": self.name, **self.content.to_dict()}

    @classmethod
    def from_node(cls, node: Node) -> "PublishedFile":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["name", "size", "digest"])
        return cls(name=fields["name"].path(), content=parse_content(fields))


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """The files with which a box provisions itself."""

    script: PublishedFile
    toolkit: PublishedFile
    """A tar of playbooks and roles."""

    def to_dict(self) -> dict[str, object]:
        """Return the section as the manifest writes it."""
        return {"script": self.script.to_dict(), "toolkit": self.toolkit.to_dict()}

    @classmethod
    def from_node(cls, node: Node) -> "Bootstrap":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["script", "toolkit"])
        return cls(**{key: PublishedFile.from_node(value) for key, value in fields.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    """The wheels of a version, and the files needed to install them."""

    installer: PublishedFile
    """Pinned requirements to install first: uv, and the packages that read a store."""
    page: PublishedFile
    """An HTML page of links to the wheels, for pip and uv."""
    wheels: tuple[PublishedFile, ...]
    """Sorted by name."""
    bootstrap: Bootstrap | None = None
    """None when boxes cannot provision themselves from the version."""

    def to_sections(self) -> dict[str, object]:
        """Return the sections as the manifest writes them."""
        wheels = {
            "installer": self.installer.to_dict(),
            "page": self.page.to_dict(),
            "files": [wheel.to_dict() for wheel in self.wheels],
        }
        return {WHEELS: wheels, **({BOOTSTRAP: self.bootstrap.to_dict()} if self.bootstrap else {})}

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """The files under `vVERSION/`, which excludes wheels."""
        boot = self.bootstrap
        return (self.installer, self.page, *((boot.script, boot.toolkit) if boot else ()))

    @classmethod
    def from_sections(cls, sections: Mapping[str, Node]) -> "Wheelhouse | None":
        """Parse the sections of a manifest; return None without the section `wheels`.

        Raises:
            ManifestError: a field or a wheel's name is wrong, a name is repeated, or `bootstrap` lacks `wheels`.
        """
        if WHEELS not in sections:
            if BOOTSTRAP in sections:
                raise sections[BOOTSTRAP].error(f"this section requires the section '{WHEELS}'")
            return None
        fields = sections[WHEELS].fields(["installer", "page", "files"])
        wheels = tuple(_wheel(item) for item in fields["files"].items())
        require_unique_paths([wheel.name for wheel in wheels], fields["files"])
        return cls(
            installer=PublishedFile.from_node(fields["installer"]),
            page=PublishedFile.from_node(fields["page"]),
            wheels=wheels,
            bootstrap=Bootstrap.from_node(sections[BOOTSTRAP]) if BOOTSTRAP in sections else None,
        )


def _wheel(node: Node) -> PublishedFile:
    file = PublishedFile.from_node(node)
    node.fields(["name", "size", "digest"])["name"].matching(_WHEEL_NAME, "the file name of a wheel")
    return file
