"""Versions with environment images, whose content is dummy data."""

from dataclasses import dataclass, replace

from support.caches import OLD, load_built_manifest, noise
from support.wheels import WHEELS, WheelSite, described

from diarize_runner.cache.documents.environments import EnvironmentImage
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, WHEELS_PAGE_NAME
from diarize_runner.cache.published.shared_files import IMAGES_FOLDER, render_page

IMAGES = {
    "environment-cp311-cuda.squashfs": noise(5000, "cuda"),
    "environment-cp311-rest.squashfs": noise(4000, "rest"),
    "environment-cp312-rest.squashfs": noise(3000, "rest for 3.12"),
}
"""Images of a version, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSite(WheelSite):
    """A site whose versions carry `WHEELS` and `IMAGES`."""

    def build(self, version="1.0", repos=OLD, wheels=WHEELS, images=IMAGES):
        WheelSite.build(self, version, repos, wheels)
        return carry_images(self.built(version), images)

    def publish(self, version="1.0", repos=OLD, wheels=WHEELS, images=IMAGES):
        self.build(version, repos, wheels, images)
        return self.publish_built(version)


def carry_images(built, images):
    """Add `images`, contents by name, to the version with wheels in `built`; return its manifest."""
    folder = built / IMAGES_FOLDER
    folder.mkdir(exist_ok=True)
    for name, data in images.items():
        (folder / name).write_bytes(data)
    listed = tuple(_image(folder / name) for name in sorted(images))
    manifest = load_built_manifest(built)
    page = built / WHEELS_PAGE_NAME
    page.write_bytes(render_page(manifest.wheelhouse.wheels, listed))
    house = replace(manifest.wheelhouse, page=described(page, WHEELS_PAGE_NAME))
    manifest = replace(manifest, wheelhouse=house, environments=listed)
    (built / MANIFEST_NAME).write_bytes(manifest.to_bytes())
    return manifest


def _image(path):
    _, tag, part = path.stem.split("-")
    python = f"{tag[2]}.{tag[3:]}"
    return EnvironmentImage(python=python, part=part, file=described(path, path.name), left_out=("*.a",))
