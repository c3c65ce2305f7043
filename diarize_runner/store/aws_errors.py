"""What goes wrong with boto3 whatever the service: who we are, and the way there. A sentence and a hint.

What a server says is not repeated: the message of SignatureDoesNotMatch, for one, holds the request that was signed.
"""

from collections.abc import Mapping

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError

Said = tuple[str, str]
"""What is wrong, and what to do about it."""

HOW_TO_NAME_CREDENTIALS = (
    "boto3 finds them by AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
)
REFUSED_CREDENTIALS = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "UnrecognizedClientException"),
    *("AuthFailure", "InvalidClientTokenId", "IncompleteSignature", "InvalidSignatureException"),
)

_SIGN_IN = "sign in again, as with: aws sso login"
_TRY_AGAIN = "check the network, then run again"

_EXPIRED = ("ExpiredToken", "TokenRefreshRequired", "ExpiredTokenException", "RequestExpired")
_OVERLOADED = (
    *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "502", "503", "504"),
    *("RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable", "InternalFailure"),
)


def by_code(said: Mapping[tuple[str, ...], Said]) -> dict[str, Said]:
    """Return the same with an entry for each code."""
    return {code: words for codes, words in said.items() for code in codes}


REFUSED = by_code(
    {
        REFUSED_CREDENTIALS: ("the credentials were refused", HOW_TO_NAME_CREDENTIALS),
        _EXPIRED: ("the credentials have expired", _SIGN_IN),
        ("RequestTimeTooSkewed",): (
            "the clocks of this machine and of the server differ",
            "set the clock: timedatectl",
        ),
        _OVERLOADED: ("the server is overloaded or in trouble", "run again later"),
    }
)
"""What a server may refuse any request with, by its error code."""

_TROUBLE: tuple[tuple[tuple[type[BotoCoreError], ...], Said], ...] = (
    ((boto.ProfileNotFound,), ("there is no such profile as AWS_PROFILE names", "aws configure list-profiles")),
    (
        (boto.ConfigParseError,),
        ("boto3's configuration cannot be read", "check ~/.aws, AWS_CONFIG_FILE and the like"),
    ),
    ((boto.NoCredentialsError,), ("no credentials were found", HOW_TO_NAME_CREDENTIALS)),
    ((boto.PartialCredentialsError,), ("the credentials are incomplete", HOW_TO_NAME_CREDENTIALS)),
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
        ("the certificate is not trusted", "name your own authority's certificates in AWS_CA_BUNDLE"),
    ),
    ((boto.ProxyConnectionError,), ("the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY")),
    (
        (boto.EndpointConnectionError, boto.ConnectTimeoutError),
        (
            "the server cannot be reached",
            "check the network, the region (AWS_DEFAULT_REGION) and AWS_ENDPOINT_URL",
        ),
    ),
    ((boto.HTTPClientError,), ("the server broke off or does not answer", _TRY_AGAIN)),
    ((boto.InvalidRegionError, boto.NoRegionError), ("that is no region", "check AWS_DEFAULT_REGION")),
)


def trouble(reason: BotoCoreError) -> Said:
    """Return what to say of what boto3 raised without an answer of the server's."""
    for kinds, said in _TROUBLE:
        if isinstance(reason, kinds):
            return said
    return f"boto3 gave up ({type(reason).__name__})", "check AWS_* and ~/.aws"
