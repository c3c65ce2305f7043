"""Run every command with planted secrets, and search its output and files for them."""

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

from diarize_runner.errors import UsageError
from diarize_runner.fleet.user_data import user_data
from diarize_runner.redaction import redact

NETRC, PROXY, INDEX, KEY_ID, KEY, SESSION = (
    f"canary-{name}-d41d8cd9" for name in ["netrc", "proxy", "index", "id", "key", "session"]
)


@pytest.fixture(scope="module")
def servers():
    with running_hub() as hub, moto() as cloud:
        hub.repo(REPO, FILES, gated="auto")
        hub.account("ada", may_read={REPO})
        yield hub, cloud


class SecretHost:
    """A build host and a box with planted secrets, and the output and files of the commands run there."""

    def __init__(self, folder, hub, cloud):
        self.folder, self.outputs, self.hub = folder, [], hub
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
        self.outputs.append(done.stdout + done.stderr)
        return done.stderr

    def secrets_found(self):
        """Return the outputs and files, including files in archives, that contain a secret not planted there."""
        kept = {self.folder / "home/netrc", *self.folder.glob("*.key")}
        everything = [(path, data) for path, data in contents(self.folder) if path not in kept]
        everything += [(f"output of command  {index}", text.encode()) for index, text in enumerate(self.outputs)]
        return [(place, secret) for place, data in everything for secret in self.secrets if secret.encode() in data]


def contents(folder):
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()
            if path.name.endswith(".tar.gz"):
                with tarfile.open(path) as archive:
                    yield from ((path / m.name, archive.extractfile(m).read()) for m in archive if m.isreg())


@pytest.fixture
def secret_host(servers, tmp_path):
    return SecretHost(tmp_path, *servers)


def guarded(folder):
    """Serve a folder that requires a password."""
    known, origin = base64.b64encode(f"me:{NETRC}".encode()).decode(), files(folder)

    def guard(request):
        allowed = request.headers.get("Authorization") == f"Basic {known}"
        return origin(request) if allowed else Answer(status=401, headers={"WWW-Authenticate": "Basic"})

    return serving(guard)


@pytest.mark.long
def test_no_command_writes_or_prints_a_secret(secret_host):
    built, local, box = secret_host.host.out, secret_host.folder / "store", secret_host.folder / "box"
    pins = ("--requirements", secret_host.wheels.requirements, "--installer", secret_host.wheels.installer)
    signed = ("--sign", secret_host.folder / "team.key", "--with-wheels", "--python", "3.11")
    secret_host.run("cache", "keygen", secret_host.folder / "team")
    secret_host.run("cache", "resolve", secret_host.host.request, "--json")
    secret_host.run(
        "cache", "build", secret_host.host.request, "--version", "1.0", *signed, *pins, "--out", built, "--json"
    )
    secret_host.run("cache", "sbom", built)
    for store in (secret_host.bucket, local.as_uri()):
        secret_host.run("cache", "publish", built, "--store", store, *signed[:2])
    secret_host.run("cache", "list", "--store", secret_host.bucket)
    key = ("--public-key", secret_host.folder / "team.pub")
    secret_host.run("cache", "restore", "--store", secret_host.bucket, "--into", box, *key)
    with guarded(local) as server:
        secret_host.run(
            "cache", "restore", "--store", server.url, "--into", secret_host.folder / "box-2", *key, "--json"
        )
        assert [request for request in server.requests if "Authorization" in request.headers], "the password was used"
    secret_host.run(
        "cache", "wheels", "--store", secret_host.bucket, "--into", secret_host.folder / "fetched", "--python", "3.11"
    )
    secret_host.run("cache", "verify", box)
    secret_host.run("cache", "prune", "--store", secret_host.bucket, "--keep", "1")

    assert secret_host.secrets_found() == []
    assert any(FILES["plda/plda.npz"] in data for path, data in contents(box)), "it was looked into"
    assert "<TOKEN>" in "".join(secret_host.outputs), "the Hub's client was logging"


@pytest.mark.long
def test_no_error_prints_a_secret(secret_host):
    box, mirror = secret_host.folder / "box", secret_host.hub.endpoint.replace("http://", f"http://me:{INDEX}@")
    into = ("--into", box)
    secret_host.hub.fail("/revision/", 400, times=2)
    for endpoint in (secret_host.hub.endpoint, mirror, mirror.replace("127.0.0.1", "[::1")):
        secret_host.run("cache", "resolve", secret_host.host.request, exit_code=1, HF_ENDPOINT=endpoint, HF_DEBUG="")
    down = f"http://me:{KEY}@127.0.0.1:{closed_port()}"
    secret_host.run(
        "cache",
        "restore",
        "--store",
        secret_host.bucket,
        *into,
        exit_code=1,
        AWS_ENDPOINT_URL=down,
        AWS_MAX_ATTEMPTS="1",
    )
    secret_host.run("cache", "restore", "--store", secret_host.bucket, *into, exit_code=1)
    for store in (
        f"https://me:{NETRC}@host/models",
        f"https://host/models?signature={NETRC}",
        f"me:{NETRC}@host/models",
    ):
        secret_host.run("cache", "restore", "--store", store, *into, exit_code=2)
    with serving(lambda request: Answer(status=403)) as server:
        secret_host.run("cache", "restore", "--store", server.url, *into, exit_code=1)

    assert secret_host.secrets_found() == []
    assert len(secret_host.outputs) == 9


def test_pip_s_error_is_printed_without_the_index_password(secret_host):
    secret_host.run("cache", "resolve", secret_host.host.request)
    shutil.rmtree(secret_host.wheels.index)
    options = ("--version", "1.0", "--with-wheels", "--python", "3.11", "--out", secret_host.host.out)
    pins = ("--requirements", secret_host.wheels.requirements, "--installer", secret_host.wheels.installer)
    online = {"PIP_NO_INDEX": "0", "PIP_RETRIES": "0", "NO_PROXY": "*"}

    output = secret_host.run("cache", "build", secret_host.host.request, *options, *pins, exit_code=1, **online)

    assert "error: Python 3.11 on Linux x86-64: " in output
    assert secret_host.secrets_found() == []


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("403 for url 'https://me:word@mirror/a'", "403 for url 'https://***@mirror/a'"),
        ("at https://cdn/a/b?Signature=x&Key=y now", "at https://cdn/a/b?*** now"),
        ("https://host/a@b and me@example.org", "https://host/a@b and me@example.org"),
        ("Bearer hf_" + "a" * 34, "Bearer hf_***"),
        ("the key AKIAIOSFODNN7EXAMPLE is unknown", "the key *** is unknown"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=me/2026, Signature=fe5f80", "Authorization: ***, Signature=***"),
        ("{'SessionToken': 'IQoJ', 'SecretAccessKey': 'wJal'}", "{'SessionToken': '***', 'SecretAccessKey': '***'}"),
    ],
)
def test_foreign_messages_are_printed_without_tokens_passwords_and_signatures(message, printed):
    assert redact(message) == printed


def test_user_data_refuses_an_address_with_a_password():
    with pytest.raises(UsageError) as refusal:
        user_data(f"https://me:{NETRC}@host/models")

    assert NETRC not in f"{refusal.value.message} {refusal.value.hint}"


@pytest.mark.parametrize("packages", ["store", "index"])
def test_a_play_refuses_a_store_address_with_a_password_and_never_prints_it(packages, tmp_path):
    variables = {
        "diarize_runner_store": f"https://me:{NETRC}@host/models",
        "diarize_runner_packages": packages,
        "diarize_runner_prefix": f"{tmp_path}/box",
    }
    words = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    command = [Path(sys.executable).with_name("ansible-playbook"), "-vvv", "playbooks/provision.yml", *words]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "toolkit_store contains a user or a password" in done.stdout
    assert NETRC not in done.stdout + done.stderr
    assert not (tmp_path / "box").exists()
