"""Buckets on Swift, which is a real store, and on moto, which simulates what Swift lacks."""

import os
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace

import boto3
import pytest
from botocore.loaders import create_loader
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from support.web import Answer
from werkzeug.serving import make_server

from diarize_runner.store.remote import RetryPolicy

QUICK = RetryPolicy(connect_timeout=5, read_timeout=10, max_attempts=3, first_delay=0.01)
"""Enough for loopback."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """An S3 server, and credentials for it."""

    url: str
    access_key: str = "somebody"
    secret_key: str = "not-much-of-a-secret"

    def behind(self, url):
        """Return the same server at the URL of a proxy."""
        return replace(self, url=url)

    @property
    def environment(self):
        """Return all environment variables that boto3 reads."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
        )

    def new_bucket(self):
        """Create a bucket; return its name."""
        name = f"models-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def keys(self, bucket):
        """Return the key of every object."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def unfinished(self, bucket):
        """Return the keys of multipart uploads that are neither completed nor aborted."""
        return [found["Key"] for found in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


class SerialApplication:
    """A WSGI application that handles one request at a time.

    moto checks a condition and then writes without a lock, so two racing conditional writes may both succeed, which S3
    rules out. See `S3Response.put_object` and `complete_multipart_upload` in moto 5.2, and
    https://github.com/getmoto/moto/pull/8869, which added If-Match.
    """

    def __init__(self, application):
        self._application, self._lock = application, threading.Lock()

    def __call__(self, environ, start_response):
        with self._lock:
            return self._application(environ, start_response)


@contextmanager
def moto():
    """Run moto's S3; races are decided by SerialApplication, so they prove nothing about a real product."""
    application = SerialApplication(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Cloud(url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class PerProcessStore:
    """A store that is opened once per process, because a fork cannot share a connection."""

    def __init__(self, open_it):
        self._open, self._opened = open_it, {}

    def __getattr__(self, name):
        process = os.getpid()
        if process not in self._opened:
            self._opened[process] = self._open()
        return getattr(self._opened[process], name)


@contextmanager
def loading_boto_once():
    """Let boto3 load its S3 description once instead of for each of hundreds of clients, while the block runs."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda *_: loader)
        yield


def hide_cloud_account(monkeypatch, folder):
    """Hide this machine's cloud account and proxies; `folder` holds no settings."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "NETRC"):
        monkeypatch.setenv(name, str(folder / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def sign_in(monkeypatch, cloud):
    """Set the environment variables with which boto3 uses `cloud`."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)


def refusal(status, code, **details):
    """Return an S3 error response, with its XML body."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in {"Code": code, **details}.items())
    return Answer(status=status, headers={"Content-Type": "application/xml"}, body=f"<Error>{inner}</Error>".encode())
