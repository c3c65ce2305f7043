"""A manifest is refused unless its wheel names are valid and unique and the files of the section are present."""

import json

import pytest
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.errors import ManifestError

HOSTILE = {
    "a parent path": "../x-1.0-py3-none-any.whl",
    "a subfolder": "a/x-1.0-py3-none-any.whl",
    "an absolute path": "/etc/x-1.0-py3-none-any.whl",
    "a backslash": "..\\x-1.0-py3-none-any.whl",
    "a newline": "x-1.0-py3-none-any.whl\n",
    "an option": "-x-1.0-py3-none-any.whl",
    "hidden": ".x-1.0-py3-none-any.whl",
    "markup": 'x-1.0-py3-none-any"><script>.whl',
    "not a wheel": "x-1.0.tar.gz",
    "no tags": "x-1.0.whl",
    "too many parts": "x-1.0-1-py3-none-any-more.whl",
    "another suffix": "x-1.0-py3-none-any.whl.exe",
    "a space": "x-1.0-py3-none-any .whl",
    "empty": "",
}


@pytest.fixture(scope="module")
def valid_manifest(tmp_path_factory):
    """A valid manifest with wheels, as parsed JSON."""
    return json.loads(WheelSite(folder=tmp_path_factory.mktemp("wheels")).build().to_bytes())


def read(document):
    return CacheManifest.from_bytes(json.dumps(document).encode(), "manifest.json")


def with_wheels(document, **fields):
    section = {**document["sections"]["wheels"], **fields}
    return {**document, "sections": {"wheels": section}}


def with_first_wheel(document, **fields):
    first, *others = document["sections"]["wheels"]["files"]
    return with_wheels(document, files=[{**first, **fields}, *others])


def test_wheels_are_parsed_and_written_back_sorted_by_name(valid_manifest):
    manifest = read(valid_manifest)

    assert [wheel.name for wheel in manifest.wheelhouse.wheels] == sorted(WHEELS)
    assert json.loads(manifest.to_bytes()) == valid_manifest


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_the_error_for_an_invalid_wheel_name_states_its_location(name, valid_manifest):
    with pytest.raises(ManifestError) as refusal:
        read(with_first_wheel(valid_manifest, name=name))

    assert refusal.value.message.startswith("manifest.json: ")
    assert refusal.value.message.endswith("in 'sections.wheels.files[0].name'")


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_duplicate_name_is_refused_even_in_another_case(change, valid_manifest):
    second = valid_manifest["sections"]["wheels"]["files"][1]["name"].removesuffix(".whl")

    with pytest.raises(
        ManifestError, match=r"^manifest.json: two paths are equal when case is ignored: .* in 'sections.wheels.files'$"
    ):
        read(with_first_wheel(valid_manifest, name=f"{change(second)}.whl"))


FAULTS = {
    "no page": ({"page": None}, "missing key 'page' in 'sections.wheels'"),
    "no installer": ({"installer": None}, "missing key 'installer' in 'sections.wheels'"),
    "no wheels": ({"files": None}, "missing key 'files' in 'sections.wheels'"),
    "an object": ({"files": {}}, "expected a list, not dict in 'sections.wheels.files'"),
    "another page": ({"page": {"name": "index.html"}}, "expected the file 'wheels.html', not 'index.html'"),
    "another installer": (
        {"installer": {"name": "in.txt"}},
        "expected the file 'requirements-installer.txt', not 'in.txt'",
    ),
}


@pytest.mark.parametrize(("change", "problem"), FAULTS.values(), ids=list(FAULTS))
def test_a_missing_or_misnamed_file_of_the_section_is_refused(change, problem, valid_manifest):
    ((key, value),) = change.items()
    section = valid_manifest["sections"]["wheels"]
    document = with_wheels(valid_manifest, **{key: {**section[key], **value} if value else value})
    if value is None:
        del document["sections"]["wheels"][key]

    with pytest.raises(ManifestError) as refusal:
        read(document)

    assert refusal.value.message.startswith(f"manifest.json: {problem}")


@pytest.mark.parametrize(("field", "value"), [("size", -1), ("digest", "sha256:0"), ("url", "https://example.org")])
def test_a_wheel_with_a_wrong_or_unknown_field_is_refused(field, value, valid_manifest):
    with pytest.raises(ManifestError, match=r"in 'sections\.wheels\.files\[0\]"):
        read(with_first_wheel(valid_manifest, **{field: value}))


def test_a_manifest_without_wheels_is_parsed(valid_manifest):
    plain = {**valid_manifest, "sections": {}}

    assert read(plain).wheelhouse is None
    assert json.loads(read(plain).to_bytes()) == plain
    assert read(with_wheels(valid_manifest, files=[])).wheelhouse.wheels == ()


def test_a_bootstrap_without_wheels_is_refused(valid_manifest):
    with pytest.raises(ManifestError, match=r"this section requires the section 'wheels' in 'sections\.bootstrap'$"):
        read({**valid_manifest, "sections": {"bootstrap": {}}})


def test_an_unknown_section_is_ignored_and_kept(valid_manifest):
    later = {
        **valid_manifest,
        "sections": {**valid_manifest["sections"], "environment": {"image": {"anything": [1, 2]}}},
    }

    manifest = read(later)

    assert manifest.wheelhouse == read(valid_manifest).wheelhouse
    assert json.loads(manifest.to_bytes()) == later
    assert manifest.digest != read(valid_manifest).digest


@pytest.mark.parametrize("keys", [(), ("sections", "wheels")], ids=["the document", "a section"])
def test_an_unknown_key_outside_of_unknown_sections_is_refused(keys, valid_manifest):
    document = json.loads(json.dumps(valid_manifest))
    container = document
    for key in keys:
        container = container[key]
    container["colour"] = "red"

    with pytest.raises(ManifestError, match="unknown key 'colour'"):
        read(document)
