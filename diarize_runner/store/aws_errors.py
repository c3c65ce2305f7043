"""Explain boto3 errors of any service: credentials and transport.

Errors quote only the server's error code: other text may hold secrets, as SignatureDoesNotMatch repeats the request.
"""

from collections.abc import Mapping

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError

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


def explain_transport_error(reason: BotoCoreError) -> Explanation:
    """Explain an error that boto3 raised without a response from the server."""
    for kinds, explanation in _TRANSPORT_ERRORS:
        if isinstance(reason, kinds):
            return explanation
    return f"boto3 gave up ({type(reason).__name__})", "check AWS_* and ~/.aws"
