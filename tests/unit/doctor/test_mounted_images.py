"""doctor compares the images of an environment with their digests."""

import json

import pytest
from support.caches import flip, noise

from diarize_runner.digests import hash_bytes
from diarize_runner.doctor.check import PROVISION
from diarize_runner.doctor.images import LISTED, MountedImage, check_images
from diarize_runner.errors import DiarizeRunnerError, IntegrityError

DATA = noise(3000, "an image")


@pytest.fixture
def image(tmp_path):
    """The image of an environment in `tmp_path`, "mounted" where the kernel mounts something everywhere: /proc."""
    content = hash_bytes(DATA)
    image = MountedImage(file=tmp_path / f"{content.digest.hex}.squashfs", point=tmp_path, content=content)
    image.file.write_bytes(DATA)
    listed = {"path": str(image.file), "point": "/proc", **content.to_dict()}
    (tmp_path / LISTED).write_text(json.dumps({"images": [listed]}))
    return image


@pytest.mark.parametrize("require", [MountedImage.require_mounted, MountedImage.require_content])
def test_good_images_are_described(require, image, tmp_path):
    assert check_images(tmp_path, require) == "the packages are mounted from 0.0 GB of images"


def test_an_environment_of_wheels_is_described(tmp_path):
    assert check_images(tmp_path, MountedImage.require_content) == "the packages are installed from wheels"


def test_a_changed_byte_is_found_when_the_content_is_required(image, tmp_path):
    flip(image.file, 1000)

    with pytest.raises(IntegrityError, match=r" is damaged: it does not have the digest in its name$") as error:
        check_images(tmp_path, MountedImage.require_content)

    assert error.value.hint == f"delete it, then {PROVISION}"
    check_images(tmp_path, MountedImage.require_mounted)


@pytest.mark.parametrize("require", [MountedImage.require_mounted, MountedImage.require_content])
def test_a_missing_or_truncated_image_is_found(require, image, tmp_path):
    image.file.write_bytes(DATA[:-1])
    with pytest.raises(IntegrityError, match=" is damaged"):
        check_images(tmp_path, require)
    image.file.unlink()
    with pytest.raises(DiarizeRunnerError, match=r" does not exist$"):
        check_images(tmp_path, require)


def test_an_image_that_is_not_mounted_is_found(image, tmp_path):
    (tmp_path / LISTED).write_text((tmp_path / LISTED).read_text().replace("/proc", str(tmp_path)))

    with pytest.raises(DiarizeRunnerError, match=f" is not mounted at {tmp_path}$"):
        check_images(tmp_path, MountedImage.require_mounted)
