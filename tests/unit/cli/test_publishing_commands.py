"""The commands of who publishes: keys and signatures, the list of versions, rollback, prune, the bill of materials."""

import json
import shutil

import pytest


@pytest.fixture
def publish(run, request_file, tmp_path):
    """Build a version, signed or not, and publish it; return the store's address."""

    def publish(version, *options):
        url, out = (tmp_path / "store").as_uri(), tmp_path / f"built-{version}"
        assert run("cache", "resolve", request_file).exit_code == 0
        build = ["cache", "build", request_file, "--version", version, "--out", out]
        assert run(*build, "--requirements", tmp_path / "requirements.txt", *options).exit_code == 0
        assert run("cache", "publish", out, "--store", url, *options).exit_code == 0
        return url

    return publish


@pytest.fixture
def keys(run, tmp_path):
    return run("cache", "keygen", tmp_path / "team", "--json").document


def test_keygen_names_both_files_and_never_overwrites_one(run, keys, tmp_path):
    assert keys == {"private": f"{tmp_path}/team.key", "public": f"{tmp_path}/team.pub"}
    before = (tmp_path / "team.key").read_bytes()
    assert (tmp_path / "team.key").stat().st_mode & 0o777 == 0o600

    again = run("cache", "keygen", tmp_path / "team")

    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith(f"error: {tmp_path}/team.key already exists\nhint: ")
    assert (tmp_path / "team.key").read_bytes() == before


def test_a_signed_version_is_restored_with_its_key_and_with_no_other(run, publish, keys, tmp_path):
    store = publish("1.0", "--sign", keys["private"])
    run("cache", "keygen", tmp_path / "other")
    restore = ["cache", "restore", "--store", store, "--into", tmp_path / "box", "--json"]

    wrong = run(*restore, "--public-key", tmp_path / "other.pub")
    assert (wrong.exit_code, (tmp_path / "box").exists()) == (3, False)
    assert f"is not signed with the key in {tmp_path}/other.pub\nhint: " in wrong.stderr
    right = run(*restore, "--public-key", keys["public"])
    assert (right.exit_code, right.document["changed"], right.document["serial"]) == (0, True, 1)


def test_a_version_without_a_signature_is_exit_3_and_leaves_nothing(run, publish, keys, tmp_path):
    store = publish("1.0")

    for plan in (["--plan"], []):
        ran = run(
            "cache", "restore", "--store", store, "--into", tmp_path / "box", "--public-key", keys["public"], *plan
        )
        assert (ran.exit_code, (tmp_path / "box").exists()) == (3, False)
        assert ran.stderr.startswith(f"error: {store}: latest is not signed, but a signature is required\nhint: ")


def test_a_build_with_what_is_no_key_is_bad_usage_and_builds_nothing(run, request_file, tmp_path):
    run("cache", "resolve", request_file)
    build = ["cache", "build", request_file, "--version", "1.0", "--requirements", tmp_path / "requirements.txt"]

    ran = run(*build, "--out", tmp_path / "out", "--sign", tmp_path / "nowhere.key")

    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"error: cannot read {tmp_path}/nowhere.key: No such file")
    assert not (tmp_path / "out").exists()


def test_an_older_latest_is_exit_3_until_it_is_allowed(run, publish, tmp_path):
    store = publish("1.0")
    pointer = tmp_path / "store/latest/manifest.json"
    shutil.copy(pointer, tmp_path / "pointer")
    publish("1.1")
    restore = ["cache", "restore", "--store", store, "--into", tmp_path / "box", "--json"]
    assert run(*restore).document["version"] == "1.1"
    shutil.copy(tmp_path / "pointer", pointer)

    for plan in (["--plan"], []):
        refused = run(*restore, *plan)
        assert (refused.exit_code, refused.document["exit_code"]) == (3, 3)
        assert refused.stderr.startswith(f"error: {store}: latest has serial 1, but this box last followed 2\nhint: ")
    assert run("cache", "verify", tmp_path / "box", "--json").document["version"] == "1.1"
    followed = run(*restore, "--allow-older").document
    assert (followed["version"], followed["serial"], followed["changed"]) == ("1.0", 1, True)
    assert run(*restore).document["changed"] is False


def test_a_rollback_is_followed_by_a_box_that_had_the_newer(run, publish, tmp_path):
    publish("1.0")
    store = publish("1.1")
    restore = ["cache", "restore", "--store", store, "--into", tmp_path / "box", "--json"]
    run(*restore)

    back = run("cache", "rollback", "--store", store, "--json").document

    assert {key: back[key] for key in ("changed", "store", "version", "previous", "serial")} == {
        "changed": True,
        "store": store,
        "version": "1.0",
        "previous": "1.1",
        "serial": 3,
    }
    restored = run(*restore).document
    assert (restored["version"], restored["serial"], restored["manifest"]) == ("1.0", 3, back["manifest"])
    again = run("cache", "rollback", "--store", store, "--to", "1.0", "--json").document
    assert (again["changed"], again["serial"]) == (False, 3)


def test_a_rollback_to_nowhere_says_so(run, publish):
    store = publish("1.0")

    nowhere = run("cache", "rollback", "--store", store)
    assert nowhere.exit_code == 1
    assert (
        nowhere.stderr
        == f"error: {store}: no version precedes the latest\nhint: pass --to VERSION; cache list shows them\n"
    )
    unknown = run("cache", "rollback", "--store", store, "--to", "9.9")
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        f"error: {store} has no version 9.9\nhint: published versions: 1.0\n",
    )
    assert run("cache", "rollback", "--store", store, "--to", "../1.0").exit_code == 2


def test_list_names_every_version_newest_first(run, publish, tmp_path):
    publish("1.10")
    store = publish("1.9")

    listed = run("cache", "list", "--store", store, "--json").document["versions"]

    assert [(each["version"], each["name"], each["latest"]) for each in listed] == [
        ("1.10", "tiny", False),
        ("1.9", "tiny", True),
    ]
    archive = tmp_path / "store/v1.9/huggingface-cache.tar.gz"
    assert listed[1]["bytes"] == archive.stat().st_size
    assert listed[1]["manifest"].startswith("sha256:")
    ran = run("cache", "list", "--store", store)
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert ran.stderr.index("1.10") < ran.stderr.index("1.9") < ran.stderr.index("latest")


@pytest.mark.parametrize("damaged", ["", "x\n", "-1\n", "1", "1\n2\n", "٣\n", "9" * 5000 + "\n"])
def test_a_box_that_forgot_which_latest_it_followed_is_exit_3_until_an_older_one_is_allowed(
    damaged, run, publish, tmp_path
):
    serial = tmp_path / "box/serial"
    restore = ["cache", "restore", "--store", publish("1.0"), "--into", tmp_path / "box", "--json"]
    assert run(*restore).exit_code == 0
    serial.write_text(damaged)

    refused = run(*restore)

    assert refused.exit_code == 3
    assert refused.document["error"].startswith(f"{serial} is damaged: ")
    assert "--allow-older" in refused.document["hint"]
    assert run(*restore, "--allow-older").document["changed"] is False
    assert serial.read_text() == "1\n"
    assert run(*restore).exit_code == 0


def test_list_of_an_empty_store_is_empty(run, tmp_path):
    ran = run("cache", "list", "--store", (tmp_path / "store").as_uri(), "--json")

    assert (ran.exit_code, ran.document) == (0, {"versions": []})


def test_prune_plans_deletes_and_then_has_nothing_to_do(run, publish, tmp_path):
    for version in ("1.0", "1.1", "1.2"):
        store = publish(version)
    prune = ["cache", "prune", "--store", store, "--keep", "1", "--json"]
    expected = {"changed": True, "keep": ["1.2", "1.1"], "remove": ["1.0"], "wheels": [], "images": []}

    assert run(*prune, "--plan").document == expected
    assert (tmp_path / "store/v1.0/manifest.json").exists()
    assert run(*prune).document == expected
    assert not (tmp_path / "store/v1.0").exists()
    assert run(*prune).document == {"changed": False, "keep": ["1.2", "1.1"], "remove": [], "wheels": [], "images": []}
    text = run("cache", "prune", "--store", store, "--plan")
    assert (text.stdout, text.stderr) == ("", f"{store}: would remove nothing; kept 1.2, 1.1\n")


@pytest.mark.parametrize("keep", ["0", "-1", "some"])
def test_a_prune_that_would_keep_nothing_is_bad_usage(keep, run, store, tmp_path):
    assert run("cache", "prune", "--store", store, "--keep", keep).exit_code == 2
    assert (tmp_path / "store/v1.0/manifest.json").exists()


def test_sbom_prints_the_same_bill_for_people_and_programs(run, store, tmp_path):
    as_json, plain = run("cache", "sbom", tmp_path / "built", "--json"), run("cache", "sbom", tmp_path / "built")

    assert (as_json.exit_code, plain.exit_code, as_json.stderr) == (0, 0, "")
    assert json.loads(plain.stdout) == as_json.document
    assert as_json.document["specVersion"] == "1.6"
    assert plain.stderr == "2 components\n"
    assert {component["name"] for component in as_json.document["components"]} == {"tiny", "nothing"}


def test_sbom_of_a_folder_without_a_version_says_how_to_build_one(run, tmp_path):
    ran = run("cache", "sbom", tmp_path)

    assert ran.exit_code == 1
    assert ran.stderr.endswith("hint: build it: diarize-runner cache build REQUEST.yaml --version VERSION --out DIR\n")
