"""Explain boto3 errors of any service: denials, credentials and transport."""

import os
from collections.abc import Mapping

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError

from diarize_runner.store.aws_denials import find_denial

Explanation = tuple[str, str]
"""What is wrong, and the hint."""

CREDENTIALS_HINT = (
    "boto3 finds them by AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
)
REFUSED_CREDENTIALS = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "UnrecognizedClientException"),
    *("AuthFailure", "InvalidClientTokenId", "IncompleteSignature", "InvalidSignatureException"),
)

_SIGN_IN = "sign in again, for example: aws sso login"
_TRY_AGAIN = "check the network, then run again"

_EXPIRED = ("ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException", "RequestExpired")
_OVERLOADED = (
    *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "502", "503", "504"),
    *("RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable", "InternalFailure"),
)


def expand_codes(explanations: Mapping[tuple[str, ...], Explanation]) -> dict[str, Explanation]:
    """Return the mapping with one entry per error code."""
    return {code: explanation for codes, explanation in explanations.items() for code in codes}


REFUSED = expand_codes(
    {
        REFUSED_CREDENTIALS: ("the credentials were refused", CREDENTIALS_HINT),
        _EXPIRED: ("the credentials have expired", _SIGN_IN),
        ("RequestTimeTooSkewed",): (
            "the clocks of this machine and the server differ",
            "set the clock: timedatectl",
        ),
        _OVERLOADED: ("the server is overloaded or failing", "run again later"),
    }
)
"""Explanations by error code that apply to any request."""

_WEB_IDENTITY = "AWS_WEB_IDENTITY_TOKEN_FILE"
_FILE_VARIABLES = (
    *(_WEB_IDENTITY, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
)
"""Variables that name a file which boto3 reads."""
_CHECK_FILES = "check ~/.aws, and the variables AWS_* that name files"
_KMS_HINT = "check the key of the bucket's encryption: aws s3api get-bucket-encryption --bucket ..."

_TOKEN_REFUSED = expand_codes(
    {
        ("InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError"): (
            "sts refused the web identity token",
            f"check {_WEB_IDENTITY}, and the OIDC provider of the role's account",
        ),
        _EXPIRED: ("the web identity token has expired", f"renew the token: check {_WEB_IDENTITY}"),
        ("AccessDenied",): (
            "sts did not let these credentials assume the role",
            "check AWS_ROLE_ARN, and name this identity in the trust policy of the role",
        ),
        ("RegionDisabledException",): ("sts is not active in this region", "set AWS_DEFAULT_REGION to another region"),
        ("ValidationError",): ("sts refused the request to assume the role", "check AWS_ROLE_ARN"),
    }
)
"""Explanations of the errors of AssumeRole and AssumeRoleWithWebIdentity, which boto3 calls for credentials."""

_TRANSPORT_ERRORS: tuple[tuple[tuple[type[BotoCoreError], ...], Explanation], ...] = (
    ((boto.ProfileNotFound,), ("the profile in AWS_PROFILE does not exist", "aws configure list-profiles")),
    (
        (boto.ConfigParseError,),
        ("boto3's configuration cannot be read", "check ~/.aws and AWS_CONFIG_FILE"),
    ),
    ((boto.NoCredentialsError,), ("no credentials were found", CREDENTIALS_HINT)),
    ((boto.PartialCredentialsError,), ("the credentials are incomplete", CREDENTIALS_HINT)),
    (
        (
            boto.CredentialRetrievalError,
            boto.NoAuthTokenError,
            boto.TokenRetrievalError,
            boto.SSOError,
            boto.LoginError,
        ),
        ("the credentials could not be fetched", _SIGN_IN),
    ),
    (
        (boto.SSLError,),
        (
            "the certificate is not trusted",
            "for a private certificate authority, set AWS_CA_BUNDLE to its certificates",
        ),
    ),
    ((boto.ProxyConnectionError,), ("the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY")),
    (
        (boto.EndpointConnectionError, boto.ConnectTimeoutError),
        (
            "the server cannot be reached",
            "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL",
        ),
    ),
    ((boto.HTTPClientError,), ("the server broke off or does not respond", _TRY_AGAIN)),
    ((boto.InvalidRegionError, boto.NoRegionError), ("the region is invalid or missing", "check AWS_DEFAULT_REGION")),
)


def explain_refusal(code: str, message: str, operation: str, grants: str) -> Explanation | None:
    """Explain a refusal by what its message says decided; return None if it says nothing.

    `grants` is the hint for a permission that the service itself requires; it may name the `{action}`.
    """
    if denial := find_denial(message):
        return denial.sentence, denial.hint(grants.format(action=denial.action))
    if code.startswith("KMS."):
        return "the KMS key of the bucket cannot be used", _KMS_HINT
    return _TOKEN_REFUSED.get(code) if operation.startswith("AssumeRole") else None


def explain_transport_error(reason: BotoCoreError) -> Explanation:
    """Explain an error that boto3 raised without a response from the server."""
    for kinds, explanation in _TRANSPORT_ERRORS:
        if isinstance(reason, kinds):
            return explanation
    return explain_unknown_error(reason)


def explain_file_error(reason: OSError) -> Explanation:
    """Explain a file that boto3 cannot read, such as a token or a certificate."""
    path = str(reason.filename or "")
    names = [name for name in _FILE_VARIABLES if path and os.environ.get(name) == path]
    where = path or "a file that boto3 needs"
    return f"{where} cannot be read: {reason.strerror or type(reason).__name__}", (
        f"check {names[0]}" if names else _CHECK_FILES
    )


def explain_unknown_error(reason: Exception) -> Explanation:
    """Name an error that no table lists."""
    return f"boto3 gave up ({type(reason).__name__})", "check AWS_* and ~/.aws"
