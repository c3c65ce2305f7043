"""A manifest is refused unless its environment images are complete, consistently named and accompanied by wheels."""

import json

import pytest
from support.images import IMAGES, ImageSite

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.errors import ManifestError

SECTION = "sections.environments"


@pytest.fixture(scope="module")
def valid_manifest(tmp_path_factory):
    """A valid manifest with images, as parsed JSON."""
    return json.loads(ImageSite(folder=tmp_path_factory.mktemp("images")).build().to_bytes())


def read(document):
    return CacheManifest.from_bytes(json.dumps(document).encode(), "manifest.json")


def with_section(document, section):
    return {**document, "sections": {**document["sections"], "environments": section}}


def with_first_image(document, **fields):
    first, *others = document["sections"]["environments"]["images"]
    return with_section(document, {"images": [{**first, **fields}, *others]})


def test_images_are_parsed_and_written_back_in_order(valid_manifest):
    manifest = read(valid_manifest)

    assert [image.file.name for image in manifest.environments] == sorted(IMAGES)
    assert [(image.python, image.part) for image in manifest.environments] == [
        ("3.11", "cuda"),
        ("3.11", "rest"),
        ("3.12", "rest"),
    ]
    assert {image.left_out for image in manifest.environments} == {("*.a",)}
    assert json.loads(manifest.to_bytes()) == valid_manifest
    assert (manifest.unknown_sections, manifest.original_bytes) == ((), b"")


def test_images_are_no_files_of_the_version_itself(valid_manifest):
    assert not {file.name for file in read(valid_manifest).files} & {*IMAGES}


def test_a_manifest_without_images_is_parsed_and_written_without_the_section(valid_manifest):
    sections = {name: value for name, value in valid_manifest["sections"].items() if name != "environments"}
    plain = {**valid_manifest, "sections": sections}

    assert read(plain).environments == ()
    assert json.loads(read(plain).to_bytes()) == plain


FAULTS = {
    "another name": (
        {"name": "environment-cp311-rest.squashfs"},
        "expected the name 'environment-cp311-cuda.squashfs'",
    ),
    "a path": ({"name": "../environment-cp311-cuda.squashfs"}, "expected the name 'environment-cp311-cuda.squashfs'"),
    "another Python": ({"python": "3.12"}, "expected the name 'environment-cp312-cuda.squashfs'"),
    "a Python with a patch level": ({"python": "3.11.2"}, "'3.11.2' is not a version of Python such as '3.11'"),
    "a part with a slash": ({"part": "../x"}, "'../x' is not a name of lower-case letters and digits"),
    "a negative size": ({"size": -1}, "-1 is out of range"),
    "a short digest": ({"digest": "sha256:0"}, "not 64 lower-case hexadecimal digits"),
    "a pattern with a parent": ({"left_out": ["../*"]}, "not a plain relative path: '../*'"),
    "a pattern alone": ({"left_out": "*.a"}, "expected a list, not str"),
    "an unknown key": ({"mount": "/"}, "unknown key 'mount'"),
}


@pytest.mark.parametrize(("fields", "problem"), FAULTS.values(), ids=list(FAULTS))
def test_the_error_for_a_wrong_image_states_its_location(fields, problem, valid_manifest):
    with pytest.raises(ManifestError) as refusal:
        read(with_first_image(valid_manifest, **fields))

    assert refusal.value.message.startswith(f"manifest.json: {problem}")
    assert f"in '{SECTION}.images[0]" in refusal.value.message


def test_the_same_image_twice_is_refused(valid_manifest):
    first = valid_manifest["sections"]["environments"]["images"][0]

    with pytest.raises(ManifestError, match=rf"two paths are equal when case is ignored: .* in '{SECTION}.images'$"):
        read(with_section(valid_manifest, {"images": [first, first]}))


def test_a_section_without_an_image_is_refused(valid_manifest):
    with pytest.raises(ManifestError, match=rf"expected at least one image in '{SECTION}.images'$"):
        read(with_section(valid_manifest, {"images": []}))


def test_images_without_wheels_are_refused(valid_manifest):
    sections = {"environments": valid_manifest["sections"]["environments"]}

    with pytest.raises(ManifestError, match=rf"this section requires the section 'wheels' in '{SECTION}'$"):
        read({**valid_manifest, "sections": sections})


def test_an_unknown_key_in_the_section_is_refused(valid_manifest):
    section = {**valid_manifest["sections"]["environments"], "colour": "red"}

    with pytest.raises(ManifestError, match=rf"unknown key 'colour' in '{SECTION}'$"):
        read(with_section(valid_manifest, section))
