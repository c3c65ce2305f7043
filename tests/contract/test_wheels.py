"""Boxes without a package index: real pip and uv install from a store alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from support.caches import tree
from support.command import ROOT, without_network
from support.web import files, serving
from support.wheel_host import TOOL, WheelHost
from support.wheels import WHEELS, WheelSite, use_index, write_wheel

from diarize_runner.cache.builder.pythons import current_python
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.documents.pins import read_pins
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.cli import main
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

pytestmark = pytest.mark.usefixtures("isolated_environment")

TOOLKIT = "diarize_runner-9.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A build host with a version that has wheels for the running Python."""
    host = WheelHost(folder=tmp_path_factory.mktemp("host"))
    host.prepare()
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_index(monkeypatch, host.index)
        host.build(current_python(), toolkit=write_wheel(host.folder, "diarize_runner", "9.0", {}))
    return host


@pytest.fixture(scope="module")
def store(host):
    """A folder with that version published."""
    store = LocalStore(host.folder / "störe #1")
    publish(host.out, store, NoProgress())
    return store


@pytest.fixture
def environment(tmp_path):
    """An empty Python environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "environment"], check=True)
    return tmp_path / "environment" / "bin" / "python"


PIP = [sys.executable, "-m", "pip", "--python", "{python}", "install", "--no-cache-dir"]
UV = [str(Path(sys.executable).parent / "uv"), "pip", "install", "--no-cache", "--python", "{python}"]
INSTALLERS = pytest.mark.parametrize("installer", [PIP, UV], ids=["pip", "uv"])


def install(installer, python, links, *requirements, isolated=True):
    """Install from `links` alone, without a network if the kernel allows it; return the installed packages."""
    command = [*(without_network() if isolated else ()), *(part.format(python=python) for part in installer)]
    command += ["--no-index", "--find-links", str(links), "--require-hashes"]
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    done = subprocess.run(
        [*command, *(part for name in requirements for part in ("-r", str(name)))],
        env={**settings, "PIP_CONFIG_FILE": "/dev/null", "UV_NO_CONFIG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listing = "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions()))"
    return subprocess.run([python, "-c", listing], capture_output=True, text=True, check=True).stdout.split()


EXPECTED = ["common==1.9" if current_python() == "3.10" else "common==2.0", "speech==1.0", "tool==3.0"]


@INSTALLERS
def test_everything_installs_from_the_page_of_a_published_folder(installer, store, environment):
    version = store.root / "v1.0"

    installed = install(
        installer, environment, f"{store.url}/v1.0/wheels.html", version / INSTALLER_NAME, version / REQUIREMENTS_NAME
    )

    assert installed == EXPECTED
    subprocess.run([environment, "-c", "import speech; assert speech.said == 'hello'"], check=True)


@INSTALLERS
def test_everything_installs_from_the_page_over_the_web(installer, store, environment):
    version = store.root / "v1.0"
    with serving(files(store.root)) as server:
        page = f"{server.url}/v1.0/wheels.html"
        files_of_pins = (version / INSTALLER_NAME, version / REQUIREMENTS_NAME)
        assert install(installer, environment, page, *files_of_pins, isolated=False) == EXPECTED


def test_a_changed_wheel_in_the_store_is_not_installed(store, host, environment, tmp_path):
    other = LocalStore(tmp_path / "store")
    publish(host.out, other, NoProgress())
    (altered,) = other.root.glob("wheels/sha256/*/speech-*")
    altered.write_bytes(write_wheel(tmp_path, "speech", "1.0", {"backdoor.py": b""}).read_bytes())

    with pytest.raises(AssertionError, match="DO NOT MATCH THE HASHES"):
        install(PIP, environment, f"{other.url}/v1.0/wheels.html", other.root / "v1.0" / REQUIREMENTS_NAME)


def fetch(url, into):
    return main(["cache", "wheels", "--store", url, "--into", str(into)])


@INSTALLERS
def test_everything_installs_from_the_folder_of_cache_wheels_from_a_bucket_on_swift(
    installer, host, bucket, environment, tmp_path
):
    url, into = f"s3://{bucket}/models", tmp_path / "into"
    assert main(["cache", "publish", str(host.out), "--store", url]) == 0

    assert fetch(url, into) == 0

    before = tree(into)
    assert set(before) >= {TOOL, TOOLKIT, REQUIREMENTS_NAME, INSTALLER_NAME}
    assert install(installer, environment, into, into / INSTALLER_NAME, into / REQUIREMENTS_NAME) == EXPECTED
    assert fetch(url, into) == 0
    assert tree(into) == before


def test_wheels_fetched_over_the_web_equal_those_of_a_folder(store, tmp_path):
    with serving(files(store.root)) as server:
        assert fetch(server.url, tmp_path / "over the web") == 0
    assert fetch(store.url, tmp_path / "from a folder") == 0

    assert tree(tmp_path / "over the web") == tree(tmp_path / "from a folder")


def wheels_in(cloud, bucket):
    return {key.rpartition("/")[2] for key in cloud.keys(bucket) if key.startswith("models/wheels/sha256/")}


@pytest.mark.long
def test_versions_in_a_bucket_share_wheels_and_a_prune_deletes_unreferenced_ones(moto_cloud, moto_proxy, tmp_path):
    bucket, site = moto_cloud.new_bucket(), WheelSite(folder=tmp_path)
    url, less = f"s3://{bucket}/models", {name: data for name, data in WHEELS.items() if not name.startswith("speech")}
    for version, wheels in (("1.0", WHEELS), ("1.1", less), ("1.2", less)):
        site.build(version, wheels=wheels)
        assert main(["cache", "publish", str(site.built(version)), "--store", url]) == 0
    assert wheels_in(moto_cloud, bucket) == set(WHEELS)

    assert main(["cache", "prune", "--store", url, "--keep", "1"]) == 0

    assert wheels_in(moto_cloud, bucket) == set(less)
    assert {key for key in moto_cloud.keys(bucket) if "prun" in key or "v1.0" in key} == set()
    assert fetch(url, tmp_path / "into") == 0
    assert {path.name for path in (tmp_path / "into").glob("*.whl")} == set(less)


def test_a_bucket_serves_the_page_as_html_for_pip(host, swift_cloud, bucket):
    assert main(["cache", "publish", str(host.out), "--store", f"s3://{bucket}"]) == 0

    page = swift_cloud.client().head_object(Bucket=bucket, Key="v1.0/wheels.html")

    assert page["ContentType"].startswith("text/html")


IMPORTED = """
import sys
from importlib.metadata import packages_distributions
from diarize_runner.cli import main
status = main(sys.argv[1:])
found = packages_distributions()
print(*{name for module in list(sys.modules) for name in found.get(module.partition(".")[0], [])}, sep="\\n")
sys.exit(status)
"""


@pytest.mark.parametrize("command", ["wheels", "restore"])
@pytest.mark.parametrize("kind", ["s3", "http"])
def test_reading_a_store_imports_only_the_first_packages_of_a_box(command, kind, host, bucket, tmp_path):
    main(["cache", "keygen", str(tmp_path / "team")])
    built = shutil.copytree(host.out, tmp_path / "built")
    key = read_private_key(tmp_path / "team.key")
    (built / "manifest.json.sig").write_bytes(key.sign((built / "manifest.json").read_bytes()))
    first = {pin.release[0] for pin in read_pins((ROOT / "requirements/requirements-installer.txt").read_text(), "")}

    with serving(files(tmp_path / "store")) as server:
        stores = {"s3": (f"s3://{bucket}",) * 2, "http": ((tmp_path / "store").as_uri(), server.url)}
        published, read = stores[kind]
        signed = ["--sign", str(tmp_path / "team.key")]
        assert main(["cache", "publish", str(built), "--store", published, *signed]) == 0
        options = ["--store", read, "--into", str(tmp_path / "into"), "--public-key", str(tmp_path / "team.pub")]
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED, "cache", command, *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    imported = {canonicalize_name(name) for name in done.stdout.split()}
    assert imported - first - {"diarize-runner", "pip", "setuptools"} == set()
    assert imported >= {"boto3" if kind == "s3" else "requests", "cryptography"}
