"""The image of deploy/Containerfile, built on Debian without a network, and run as a cluster would run it."""

import json
import re
import shutil
import stat
import subprocess
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path

import pytest
from support import fips
from support.containers import Engine, require_containers
from support.hosts import DEBIAN_12
from support.hosts.image import image_root
from support.real_version import ROOT, real_version

from diarize_runner.cache.published.publish import publish
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore

pytestmark = pytest.mark.containers

SAMPLE = Path(distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav"))
BASE, PACKAGES = "localhost/debian", "/box/packages"
SPEAKERS = {"SPEAKER_00", "SPEAKER_01"}
GRACE = 20
"""Seconds: requests have 10, then the model process ends."""
AS_A_CLUSTER = (
    *("--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--user", "123456:0", "--tmpfs", "/tmp:rw,mode=1777", "--ulimit", "host"),
)


@pytest.fixture(scope="module")
def engine():
    require_containers()
    # podman refuses a runroot of more than 50 characters, and /tmp may be in memory.
    engine = Engine(folder=Path(tempfile.mkdtemp(prefix="drt-", dir="/var/tmp")))
    yield engine
    engine.remove()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store in a folder, which holds the embedded models."""
    store = LocalStore(tmp_path_factory.mktemp("store") / "store")
    publish(real_version(), store, NoProgress())
    return store


@pytest.fixture(scope="module")
def image(engine, store):
    """Return the name of the image."""
    import_base(engine)
    return build(engine, store, "latest")


def build(engine, store, tag, *options):
    """Build an image; return its name."""
    # podman's own network isolation needs more than this machine allows.
    command = ["unshare", "--net", "make", "-C", ROOT / "deploy", "build", f"BUILD_OPTIONS={' '.join(options)}"]
    variables = [f"BASE={BASE}", f"ENGINE={' '.join(engine.command)}", f"STORE={store.root}", f"IMAGE_TAG={tag}"]
    done = subprocess.run([*command, *variables], env=engine.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return f"localhost/diarize-runner:{tag}"


def import_base(engine):
    """Import the root of a test host, which mmdebstrap has made."""
    words = ["tar", "--create", "--directory", image_root(DEBIAN_12), "."]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as archive:
        engine.succeed("import", "-", BASE, stdin=archive.stdout)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a folder that any user may write to, with the sample and a .pth file that makes Python FIPS-like."""
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o777)
    folder.joinpath("sample.wav").write_bytes(SAMPLE.read_bytes())
    folder.joinpath("fips_like.pth").write_text("import fips_like; fips_like.refuse_weak_digests()\n")
    return folder


def options(shared):
    """Return the options of a container: the folder, and Python that refuses md5 and sha1 in each process."""
    files = {shared: "/shared", fips.__file__: f"{PACKAGES}/fips_like.py:ro"}
    files[shared / "fips_like.pth"] = f"{PACKAGES}/fips_like.pth:ro"
    return (*AS_A_CLUSTER, *(word for path, target in files.items() for word in ("--volume", f"{path}:{target}")))


def run(engine, image, shared, *arguments):
    return engine.run("run", "--rm", *options(shared), image, *arguments)


def test_the_python_of_these_tests_refuses_md5_as_a_fips_host_does(engine, image, shared):
    code = "import hashlib; hashlib.md5(b'', usedforsecurity=False); hashlib.md5(b'')"
    done = engine.run("run", "--rm", *options(shared), "--entrypoint", "python", image, "-I", "-c", code)
    assert "ValueError: [digital envelope routines] unsupported: md5" in done.stderr


def test_any_user_transcribes_and_labels_a_recording_without_a_network(engine, image, shared):
    done = run(engine, image, shared, "run", "/shared/sample.wav", "--output", "/shared/sample.json")

    assert done.returncode == 0, done.stderr
    labelled = json.loads((shared / "sample.json").read_text())
    assert {segment["speaker"] for segment in labelled["segments"]} == SPEAKERS


def test_it_holds_no_token_and_nothing_that_only_the_build_needs(engine, image):
    environment = engine.succeed("run", "--rm", *AS_A_CLUSTER, "--entrypoint", "env", image)
    assert not re.search("TOKEN|SECRET", environment)
    listed = engine.succeed(
        "run", "--rm", *AS_A_CLUSTER, "--entrypoint", "ls", image, "/", "/box/opt/diarize-runner"
    ).split()
    assert {"current", "releases"} <= set(listed)
    assert not {"build", "store", "layers", "inputs", "toolkits", "receipt.json"} & set(listed)


@pytest.fixture(scope="module")
def keys(engine, image, shared, tmp_path_factory):
    """Return the file of keys that `make create-keys` writes; put the key that it prints into the shared folder."""
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copy(ROOT / "deploy/Makefile", folder)
    words = ["make", "--no-print-directory", "-C", folder, "create-keys", f"ENGINE={' '.join(engine.command)}"]
    done = subprocess.run(words, env=engine.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (shared / "key").write_text(f"X-API-Key: {done.stdout.strip()}\n")
    return folder / "keys/keys.json"


def test_keys_are_readable_for_the_users_group_and_for_no_others(keys):
    assert stat.S_IMODE(keys.stat().st_mode) == 0o640
    assert keys.stat().st_gid == 0


@pytest.fixture(scope="module")
def service(engine, image, shared, keys):
    """Start the service with a key, as compose.yaml does; return a function that sends it a request."""
    mounted = (
        *("--volume", f"{keys.parent}:/etc/diarize-runner:ro"),
        *("--env", "DIARIZE_RUNNER_SERVICE_KEYS=/etc/diarize-runner/keys.json"),
    )
    serve = ("serve", "--host", "0.0.0.0", "--port", "8080", "--folder", "/tmp/service")
    engine.succeed("run", "--detach", "--name", "service", *mounted, *options(shared), image, *serve)

    def request(*arguments):
        curl = ("curl", "--fail-with-body", "--silent", "--show-error", "--header", "@/shared/key")
        return engine.run("exec", "service", *curl, *arguments[1:], f"http://127.0.0.1:8080{arguments[0]}")

    deadline = time.monotonic() + 180
    while (probe := request("/readyz")).returncode:
        running = engine.succeed("inspect", "service", "--format", "{{.State.Running}}").strip()
        assert running == "true", engine.run("logs", "service").stderr
        assert time.monotonic() < deadline, probe.stderr
        time.sleep(0.5)
    return request


def test_the_service_diarizes(service):
    answer = service("/v1/diarize", "--form", "file=@/shared/sample.wav")
    assert answer.returncode == 0, answer.stdout
    assert {segment["speaker"] for segment in json.loads(answer.stdout)["segments"]} == SPEAKERS


def test_the_service_labels_a_transcript(service, shared):
    (shared / "said.srt").write_text(
        "1\n00:00:06,700 --> 00:00:07,100\nHello?\n\n2\n00:00:07,600 --> 00:00:08,300\nHello.\n"
    )
    forms = ("file=@/shared/sample.wav", "transcript=@/shared/said.srt", "response_format=srt")
    answer = service("/v1/audio/transcriptions", *(word for form in forms for word in ("--form", form)))
    assert answer.returncode == 0, answer.stdout
    assert set(re.findall("SPEAKER_[0-9]+", answer.stdout)) <= SPEAKERS
    assert answer.stdout.count("SPEAKER") == 2


def test_a_request_without_a_key_is_refused(engine, service):
    command = (
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "http://127.0.0.1:8080/v1/jobs",
    )
    assert engine.succeed("exec", "service", *command) == "401"


def test_the_service_stops_on_sigterm_within_its_grace(engine, service):
    start = time.monotonic()
    engine.succeed("stop", "--time", "60", "service")
    assert time.monotonic() - start < GRACE
    assert engine.succeed("inspect", "service", "--format", "{{.State.ExitCode}}").strip() == "0"


def test_another_build_from_the_same_store_has_the_same_digest(engine, store, image):
    engine.succeed("image", "prune", "--force")  # the first stage, for its disk space
    another = build(engine, store, "again", "--no-cache")
    layers = [engine.succeed("image", "inspect", name, "--format", "{{.RootFS.Layers}}") for name in (image, another)]
    assert layers[0] == layers[1]
    digests = [engine.succeed("image", "inspect", name, "--format", "{{.Digest}}") for name in (image, another)]
    assert digests[0] == digests[1]
