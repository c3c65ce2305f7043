"""Run the servers: nginx, which logs the bytes it sends, and Swift with its S3 API."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from benchmarks.restore.site import ROOT, Site

BUCKET = "models"


@dataclass(frozen=True, kw_only=True)
class Web:
    """A folder that nginx serves."""

    url: str
    log: Path

    def count_traffic(self, action: Callable[[], float]) -> dict[str, int]:
        """Count the requests and the bytes sent during `action`."""
        self.log.write_text("", encoding="utf-8")
        action()
        time.sleep(0.2)  # nginx logs a request at its end
        sent = [int(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return {"requests": len(sent), "bytes": sum(sent)}


@contextmanager
def nginx(work: Path, address: tuple[str, int] | None = None, prefix: Sequence[str] = ()) -> Iterator[Web]:
    """Serve `work` at `address`, by default on loopback; `prefix` is a command that runs nginx elsewhere."""
    host, port = address or ("127.0.0.1", _free_port())
    log, configuration = work / "access.log", work / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 2; pid {work}/nginx.pid; error_log {work}/error.log;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + "events { worker_connections 512; }\n"
        f"http {{ log_format sent '$bytes_sent'; access_log {log} sent; sendfile on;\n"
        f"  server {{ listen {host}:{port}; root {work}; }} }}\n",
        encoding="utf-8",
    )
    server = subprocess.Popen([*prefix, "nginx", "-c", str(configuration), "-e", str(work / "error.log")])  # noqa: S603
    try:
        time.sleep(0.5)
        yield Web(url=f"http://{host}:{port}", log=log)
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket with the store under `store/`, and the plain tarball."""

    environment: dict[str, str]
    """Environment variables for boto3 and aws."""

    @property
    def store(self) -> str:
        """The address of the store."""
        return f"s3://{BUCKET}/store"

    @property
    def classic(self) -> str:
        """The address of the tarball."""
        return f"s3://{BUCKET}/classic.tar.gz"


@contextmanager
def swift(site: Site) -> Iterator[Bucket]:
    """Serve `site` from a bucket on the tests' Swift."""
    sys.path.append(str(ROOT / "tests"))
    from support.swift import ACCESS_KEY, SECRET_KEY
    from support.swift import swift as running

    with running(site.work / "swift") as url:
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        settings = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", **keys}
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        client.create_bucket(Bucket=BUCKET)
        for path in (*site.store.rglob("*.*"), site.classic):
            if path.is_file():
                client.upload_file(str(path), BUCKET, path.relative_to(site.work).as_posix())
        yield Bucket(environment={**os.environ, **settings})
