"""Mask tokens, passwords and signatures in text that another program wrote."""

import re

TOKEN_PREFIXES = ("hf_", "api_org_")
TOKEN_LENGTH = 30
"""The least number of characters after the prefix: https://huggingface.co/docs/hub/security-tokens"""
TOKEN = rf"(?:{'|'.join(TOKEN_PREFIXES)})[A-Za-z0-9]{{{TOKEN_LENGTH},}}"

_TOKEN = re.compile(TOKEN)
_USER_IN_URL = re.compile(r"(?<=://)[^\s'\"/@]+@")
_QUERY_OF_URL = re.compile(r"(?<=://)([^\s'\"?]*)\?[^\s'\"]*")
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids"""
_FIELD = re.compile(
    r"(?i)\b(Credential|Signature|AccessKeyId|SecretAccessKey|SessionToken|Security-Token|Authorization|Password)"
    r"(['\"]?\s*[=:]\s*['\"]?)(?:(?:Bearer|Basic|AWS4-HMAC-SHA256)\s+)?[^\s'\",;&]+"
)


def redact(text: str) -> str:
    """Return `text` with every token and key masked, and the user, password and query of every URL.

    A mirror's address may hold a password, and a query may be a signature that grants access to a file.
    """
    encodable = text.encode(errors="replace").decode()  # file names may hold lone surrogates
    without_tokens = _AWS_KEY_ID.sub("***", _TOKEN.sub("hf_***", encodable))
    without_urls = _QUERY_OF_URL.sub(r"\1?***", _USER_IN_URL.sub("***@", without_tokens))
    return _FIELD.sub(r"\1\2***", without_urls)
