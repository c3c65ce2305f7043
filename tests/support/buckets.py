"""Buckets: on Swift, which is a real store, and on moto, which simulates what Swift lacks."""

import os
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from support.web import Answer
from werkzeug.serving import make_server

from diarize_runner.store.remote import Patience

QUICK = Patience(connect=5, silence=10, tries=3, pause=0.01)
"""Enough for loopback."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A server that speaks S3, and who we are there."""

    url: str
    access_key: str = "somebody"
    secret_key: str = "not-much-of-a-secret"

    def behind(self, url):
        """Return the same server by the address of what stands in front of it."""
        return replace(self, url=url)

    @property
    def environment(self):
        """What a user's environment would say, and nothing else that boto3 looks at."""
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
        """Make a bucket; return its name."""
        name = f"models-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def keys(self, bucket):
        """Return the key of every object."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def unfinished(self, bucket):
        """Return the key of every upload that was begun, and neither finished nor aborted."""
        return [found["Key"] for found in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


class OneAtATime:
    """An application that is asked for one answer at a time.

    moto looks at a condition, and then writes, and holds nothing in between: of two threads that both saw the old
    object, both write, and both are told that they won. S3 does not do that. See `S3Response.put_object` and
    `complete_multipart_upload` as of moto 5.2, and https://github.com/getmoto/moto/pull/8869, which brought If-Match.
    """

    def __init__(self, application):
        self._application, self._turn = application, threading.Lock()

    def __call__(self, environ, start_response):
        with self._turn:
            return self._application(environ, start_response)


@contextmanager
def moto():
    """Run moto's S3. What it says of racing writers is this lock's doing, and proves nothing of any product."""
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Cloud(url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class OfEachProcess:
    """A store that every process opens for itself, as real ones do: a connection cannot be shared over a fork."""

    def __init__(self, open_it):
        self._open, self._opened = open_it, {}

    def __getattr__(self, name):
        process = os.getpid()
        if process not in self._opened:
            self._opened[process] = self._open()
        return getattr(self._opened[process], name)


def sign_in(monkeypatch, cloud):
    """Make `cloud` the one that boto3 finds."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)


def refusal(status, code, **details):
    """What S3 answers when it refuses, in its own XML."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in {"Code": code, **details}.items())
    return Answer(status=status, headers={"Content-Type": "application/xml"}, body=f"<Error>{inner}</Error>".encode())
