"""Recognise a server that refuses the checksums which boto3 adds to requests since 1.36.

Servers other than AWS answer with many codes, of which several name other causes: https://github.com/boto/boto3/issues/4392
"""

import re

WHEN_REQUIRED = "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
_WHEN_VALIDATED = "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"

_FRAGMENT = re.compile(
    r"x-amz-(?:sdk-)?checksum(?:-[a-z0-9]+)*|x-amz-trailer|x-amz-content-sha256|content-sha256|aws-chunked"
    r"|STREAMING-[A-Z0-9-]+|MissingContentLength|XAmzContentSHA256Mismatch",
    re.IGNORECASE,
)
_UPLOADS = ("PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload")
_AMBIGUOUS = (
    "SignatureDoesNotMatch",
    "AuthorizationHeaderMalformed",
    "InvalidArgument",
    "InvalidRequest",
    "403",
    "400",
)
"""Codes with which some servers refuse a checksum without naming it."""


def find_checksum_refusal(code: str, message: str) -> str:
    """Return the fragment of a refusal that names a checksum, or an empty string."""
    found = _FRAGMENT.search(message) or _FRAGMENT.fullmatch(code)
    return found[0] if found else ""


def checksum_hint(fragment: str) -> str:
    """Return the setting that helps."""
    return f"set {_WHEN_VALIDATED if fragment.lower().endswith('checksum-mode') else WHEN_REQUIRED}"


def may_be_about_checksums(code: str, operation: str) -> bool:
    """Whether a server other than AWS may mean a checksum with this code."""
    return code in _AMBIGUOUS and operation in _UPLOADS
