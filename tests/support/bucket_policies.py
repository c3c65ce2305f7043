"""Policies of docs/aws applied to moto, which checks none. Only what those policies use is evaluated."""

import json
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, unquote, urlsplit

from support.buckets import refusal
from support.command import ROOT

DENIED = refusal(403, "AccessDenied")


class PolicyProxy:
    """A proxy that denies what `policy` does not allow. It allows everything until a policy is set.

    S3 answers 404 only to a client that may list the bucket without a prefix, which none of the policies allows.
    """

    def __init__(self, origin):
        self._origin, self.policy = origin, None

    def apply(self, name, bucket, prefix):
        """Apply a policy of docs/aws to a bucket and a prefix."""
        text = (ROOT / "docs/aws" / name).read_text()
        self.policy = json.loads(text.replace("BUCKET", bucket).replace("PREFIX", prefix))

    def __call__(self, request):
        if self.policy and not all(self._allows(*needed) for needed in permissions(request)):
            return DENIED
        answer = self._origin(request)
        return DENIED if self.policy and answer.status == 404 else answer

    def _allows(self, action, resource, prefix):
        return any(
            action in as_list(statement["Action"])
            and fnmatchcase(resource, statement["Resource"])
            and fnmatchcase(prefix, statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", "*"))
            for statement in self.policy["Statement"]
        )


def permissions(request):
    """Return the permissions that a request needs: action, resource, and the prefix of a listing.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    """
    address = urlsplit(request.path)
    query, (bucket, _, key) = parse_qs(address.query), unquote(address.path).lstrip("/").partition("/")
    if not key:
        return [("s3:ListBucket", f"arn:aws:s3:::{bucket}", query.get("prefix", [""])[0])]
    needed = [(_action(request.method, query), f"arn:aws:s3:::{bucket}/{key}", "")]
    source = {name.lower(): value for name, value in request.headers.items()}.get("x-amz-copy-source")
    return needed + ([("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}", "")] if source else [])


def _action(method, query):
    if method == "DELETE":
        return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    return "s3:GetObject" if method in ("GET", "HEAD") else "s3:PutObject"


def as_list(value):
    return [value] if isinstance(value, str) else value
