"""A manifest calls wheels by file names of wheels, each once, and names what belongs to them; any other is refused."""

import json

import pytest
from support.wheels import WHEELS, WheelSite

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.errors import ManifestError

HOSTILE = {
    "a way up": "../x-1.0-py3-none-any.whl",
    "a way down": "a/x-1.0-py3-none-any.whl",
    "an absolute path": "/etc/x-1.0-py3-none-any.whl",
    "a backslash": "..\\x-1.0-py3-none-any.whl",
    "a new line": "x-1.0-py3-none-any.whl\n",
    "an option": "-x-1.0-py3-none-any.whl",
    "hidden": ".x-1.0-py3-none-any.whl",
    "markup": 'x-1.0-py3-none-any"><script>.whl',
    "no wheel": "x-1.0.tar.gz",
    "no tags": "x-1.0.whl",
    "too many parts": "x-1.0-1-py3-none-any-more.whl",
    "another ending": "x-1.0-py3-none-any.whl.exe",
    "a space": "x-1.0-py3-none-any .whl",
    "nothing": "",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A manifest with wheels, as parsed JSON."""
    return json.loads(WheelSite(folder=tmp_path_factory.mktemp("wheels")).build().to_bytes())


def read(document):
    return CacheManifest.from_bytes(json.dumps(document).encode(), "manifest.json")


def with_wheels(document, **fields):
    section = {**document["sections"]["wheels"], **fields}
    return {**document, "sections": {"wheels": section}}


def with_first_wheel(document, **fields):
    first, *others = document["sections"]["wheels"]["files"]
    return with_wheels(document, files=[{**first, **fields}, *others])


def test_wheels_are_read_and_written_back_in_order_of_name(good):
    manifest = read(good)

    assert [wheel.name for wheel in manifest.wheelhouse.wheels] == sorted(WHEELS)
    assert json.loads(manifest.to_bytes()) == good


@pytest.mark.parametrize("name", HOSTILE.values(), ids=list(HOSTILE))
def test_a_name_that_is_not_a_wheel_s_is_refused_with_its_place(name, good):
    with pytest.raises(ManifestError) as refusal:
        read(with_first_wheel(good, name=name))

    assert refusal.value.message.startswith("manifest.json: ")
    assert refusal.value.message.endswith("in 'sections.wheels.files[0].name'")


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_name_that_stands_twice_is_refused_even_in_other_letters(change, good):
    second = good["sections"]["wheels"]["files"][1]["name"].removesuffix(".whl")

    with pytest.raises(
        ManifestError, match=r"^manifest.json: two paths are one where case is ignored: .* in 'sections.wheels.files'$"
    ):
        read(with_first_wheel(good, name=f"{change(second)}.whl"))


FAULTS = {
    "no page": ({"page": None}, "missing key 'page' in 'sections.wheels'"),
    "no installer": ({"installer": None}, "missing key 'installer' in 'sections.wheels'"),
    "no wheels": ({"files": None}, "missing key 'files' in 'sections.wheels'"),
    "an object": ({"files": {}}, "expected a list, not dict in 'sections.wheels.files'"),
    "another page": ({"page": {"name": "index.html"}}, "'index.html' stands where 'wheels.html' must"),
    "another installer": ({"installer": {"name": "in.txt"}}, "'in.txt' stands where 'requirements-installer.txt' must"),
}


@pytest.mark.parametrize(("change", "problem"), FAULTS.values(), ids=list(FAULTS))
def test_what_belongs_to_the_wheels_is_there_and_is_called_what_it_must_be(change, problem, good):
    ((key, value),) = change.items()
    section = good["sections"]["wheels"]
    document = with_wheels(good, **{key: {**section[key], **value} if value else value})
    if value is None:
        del document["sections"]["wheels"][key]

    with pytest.raises(ManifestError) as refusal:
        read(document)

    assert refusal.value.message.startswith(f"manifest.json: {problem}")


@pytest.mark.parametrize(("field", "value"), [("size", -1), ("digest", "sha256:0"), ("url", "https://example.org")])
def test_a_wheel_has_a_size_and_a_digest_and_nothing_more(field, value, good):
    with pytest.raises(ManifestError, match=r"in 'sections\.wheels\.files\[0\]"):
        read(with_first_wheel(good, **{field: value}))


def test_a_version_may_carry_no_wheels_at_all(good):
    plain = {**good, "sections": {}}

    assert read(plain).wheelhouse is None
    assert json.loads(read(plain).to_bytes()) == plain
    assert read(with_wheels(good, files=[])).wheelhouse.wheels == ()


def test_a_bootstrap_without_wheels_is_refused(good):
    with pytest.raises(ManifestError, match=r"it needs the section 'wheels' beside it in 'sections\.bootstrap'$"):
        read({**good, "sections": {"bootstrap": {}}})


def test_a_section_of_a_later_release_is_ignored_and_kept(good):
    later = {**good, "sections": {**good["sections"], "environment": {"image": {"anything": [1, 2]}}}}

    manifest = read(later)

    assert manifest.wheelhouse == read(good).wheelhouse
    assert json.loads(manifest.to_bytes()) == later
    assert manifest.digest != read(good).digest


@pytest.mark.parametrize("place", [(), ("sections", "wheels")], ids=["the whole", "a section"])
def test_an_unknown_key_anywhere_else_is_refused(place, good):
    document = json.loads(json.dumps(good))
    where = document
    for key in place:
        where = where[key]
    where["colour"] = "red"

    with pytest.raises(ManifestError, match="unknown key 'colour'"):
        read(document)
