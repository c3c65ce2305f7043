"""Secrets are planted wherever a user keeps them, every command runs, and all that it wrote or said is searched."""

import base64
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.buckets import moto
from support.command import ROOT, closed_port, run
from support.hub_host import FILES, REPO, BuildHost
from support.hub_simulator import running_hub
from support.web import Answer, files, serving
from support.wheel_host import WheelHost
from support.wheels import index_settings

from diarize_runner.cache.builder.secrets import redacted
from diarize_runner.errors import UsageError
from diarize_runner.fleet.user_data import user_data

NETRC, PROXY, INDEX, KEY_ID, KEY, SESSION = (
    f"canary-{name}-d41d8cd9" for name in ["netrc", "proxy", "index", "id", "key", "session"]
)


@pytest.fixture(scope="module")
def servers():
    with running_hub() as hub, moto() as cloud:
        hub.repo(REPO, FILES, gated="auto")
        hub.account("ada", may_read={REPO})
        yield hub, cloud


class Place:
    """A build host and a box whose user has every secret; what the commands there wrote and said."""

    def __init__(self, folder, hub, cloud):
        self.folder, self.said, self.hub = folder, [], hub
        self.host = BuildHost(folder=folder / "host")
        self.host.ask_for()
        self.wheels = WheelHost(folder=folder / "wheels")
        self.wheels.folder.mkdir()
        self.wheels.prepare()
        self.bucket = f"s3://{cloud.new_bucket()}/models"
        (folder / "home").mkdir()
        (folder / "home/netrc").write_text(f"machine 127.0.0.1 login me password {NETRC}\n")
        (folder / "home/netrc").chmod(0o600)
        self.environment = {
            **index_settings(self.wheels.index),
            "PIP_INDEX_URL": f"https://me:{INDEX}@127.0.0.1:{closed_port()}/simple",
            "HF_ENDPOINT": hub.endpoint,
            "HF_TOKEN": hub.accounts[0].token,
            "HF_HOME": str(folder / "home/huggingface"),
            "HF_DEBUG": "1",
            "NETRC": str(folder / "home/netrc"),
            "HTTPS_PROXY": f"http://me:{PROXY}@127.0.0.1:{closed_port()}",
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_SESSION_TOKEN": SESSION,
            "AWS_DEFAULT_REGION": "us-east-1",
            "XDG_CACHE_HOME": str(folder / "home/cache"),
            "HOME": str(folder / "home"),
        }

    @property
    def secrets(self):
        lines = [line for path in self.folder.glob("*.key") for line in path.read_text().splitlines()[1:-1]]
        return [NETRC, PROXY, INDEX, KEY_ID, KEY, SESSION, self.hub.accounts[0].token, *lines]

    def run(self, *arguments, exit_code=0, **environment):
        done = run(*arguments, **{**self.environment, **environment})
        assert done.returncode == exit_code, (arguments, done.stderr[-2000:])
        self.said.append(done.stdout + done.stderr)
        return done.stderr

    def found(self):
        """Return where a secret is that was not put there: what was said, or a file, also one in an archive."""
        kept = {self.folder / "home/netrc", *self.folder.glob("*.key")}
        everything = [(path, data) for path, data in contents(self.folder) if path not in kept]
        everything += [(f"said by command {index}", text.encode()) for index, text in enumerate(self.said)]
        return [(place, secret) for place, data in everything for secret in self.secrets if secret.encode() in data]


def contents(folder):
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()
            if path.name.endswith(".tar.gz"):
                with tarfile.open(path) as archive:
                    yield from ((path / m.name, archive.extractfile(m).read()) for m in archive if m.isreg())


@pytest.fixture
def place(servers, tmp_path):
    return Place(tmp_path, *servers)


def guarded(folder):
    """Serve a folder to those who know the password."""
    known, origin = base64.b64encode(f"me:{NETRC}".encode()).decode(), files(folder)

    def guard(request):
        allowed = request.headers.get("Authorization") == f"Basic {known}"
        return origin(request) if allowed else Answer(status=401, headers={"WWW-Authenticate": "Basic"})

    return serving(guard)


def test_no_command_writes_or_says_a_secret_on_the_whole_way(place):
    built, local, box = place.host.out, place.folder / "store", place.folder / "box"
    pins = ("--requirements", place.wheels.requirements, "--installer", place.wheels.installer)
    signed = ("--sign", place.folder / "team.key", "--with-wheels", "--python", "3.11")
    place.run("cache", "keygen", place.folder / "team")
    place.run("cache", "resolve", place.host.request, "--json")
    place.run("cache", "build", place.host.request, "--version", "1.0", *signed, *pins, "--out", built, "--json")
    place.run("cache", "sbom", built)
    for store in (place.bucket, local.as_uri()):
        place.run("cache", "publish", built, "--store", store, *signed[:2])
    place.run("cache", "list", "--store", place.bucket)
    key = ("--public-key", place.folder / "team.pub")
    place.run("cache", "restore", "--store", place.bucket, "--into", box, *key)
    with guarded(local) as server:
        place.run("cache", "restore", "--store", server.url, "--into", place.folder / "box-2", *key, "--json")
        assert [request for request in server.requests if "Authorization" in request.headers], "the password was used"
    place.run("cache", "wheels", "--store", place.bucket, "--into", place.folder / "fetched", "--python", "3.11")
    place.run("cache", "verify", box)
    place.run("cache", "prune", "--store", place.bucket, "--keep", "1")

    assert place.found() == []
    assert any(FILES["plda/plda.npz"] in data for path, data in contents(box)), "it was looked into"
    assert "<TOKEN>" in "".join(place.said), "the Hub's client was logging"


def test_no_error_says_a_secret(place):
    box, mirror = place.folder / "box", place.hub.endpoint.replace("http://", f"http://me:{INDEX}@")
    into = ("--into", box)
    place.hub.fail("/revision/", 400, times=2)
    for endpoint in (place.hub.endpoint, mirror, mirror.replace("127.0.0.1", "[::1")):
        place.run("cache", "resolve", place.host.request, exit_code=1, HF_ENDPOINT=endpoint, HF_DEBUG="")
    down = f"http://me:{KEY}@127.0.0.1:{closed_port()}"
    place.run(
        "cache", "restore", "--store", place.bucket, *into, exit_code=1, AWS_ENDPOINT_URL=down, AWS_MAX_ATTEMPTS="1"
    )
    place.run("cache", "restore", "--store", place.bucket, *into, exit_code=1)
    for store in (
        f"https://me:{NETRC}@host/models",
        f"https://host/models?signature={NETRC}",
        f"me:{NETRC}@host/models",
    ):
        place.run("cache", "restore", "--store", store, *into, exit_code=2)
    with serving(lambda request: Answer(status=403)) as server:
        place.run("cache", "restore", "--store", server.url, *into, exit_code=1)

    assert place.found() == []
    assert len(place.said) == 9


def test_pip_s_complaint_is_passed_on_without_the_index_s_password(place):
    place.run("cache", "resolve", place.host.request)
    shutil.rmtree(place.wheels.index)
    options = ("--version", "1.0", "--with-wheels", "--python", "3.11", "--out", place.host.out)
    pins = ("--requirements", place.wheels.requirements, "--installer", place.wheels.installer)
    online = {"PIP_NO_INDEX": "0", "PIP_RETRIES": "0", "NO_PROXY": "*"}

    said = place.run("cache", "build", place.host.request, *options, *pins, exit_code=1, **online)

    assert "error: Python 3.11 on Linux x86-64: " in said
    assert place.found() == []


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("403 for url 'https://me:word@mirror/a'", "403 for url 'https://***@mirror/a'"),
        ("at https://cdn/a/b?Signature=x&Key=y now", "at https://cdn/a/b?*** now"),
        ("https://host/a@b and me@example.org", "https://host/a@b and me@example.org"),
        ("Bearer hf_" + "a" * 34, "Bearer hf_***"),
    ],
)
def test_what_others_say_is_printed_without_tokens_passwords_and_signatures(said, printed):
    assert redacted(said) == printed


def test_user_data_takes_no_address_that_holds_a_password():
    with pytest.raises(UsageError) as refusal:
        user_data(f"https://me:{NETRC}@host/models")

    assert NETRC not in f"{refusal.value.message} {refusal.value.hint}"


@pytest.mark.parametrize("packages", ["store", "index"])
def test_a_play_refuses_a_store_whose_address_holds_a_password_and_never_says_it(packages, tmp_path):
    told = {
        "diarize_runner_store": f"https://me:{NETRC}@host/models",
        "diarize_runner_packages": packages,
        "diarize_runner_prefix": f"{tmp_path}/box",
    }
    words = [word for name, value in told.items() for word in ("-e", f"{name}={value}")]
    command = [Path(sys.executable).with_name("ansible-playbook"), "-vvv", "playbooks/provision.yml", *words]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "toolkit_store holds a user or a password" in done.stdout
    assert NETRC not in done.stdout + done.stderr
    assert not (tmp_path / "box").exists()
