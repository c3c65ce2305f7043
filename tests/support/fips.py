"""What a host in FIPS mode does to Python: md5 and sha1 are refused, unless they are not for security.

CPython asks OpenSSL, which refuses them without `usedforsecurity=False`
(https://docs.python.org/3/library/hashlib.html#hash-algorithms). conftest.py applies it to the process of the tests;
tests/hosts/test_container_image.py to all processes of a service.
"""

import hashlib
import hmac
import sys

_REFUSED = ("md5", "sha1")
_EXEMPT = ("_pytest", "hypothesis", "moto", "schemathesis", "support", "werkzeug", "xdist", "botocore", "uuid")
"""Tools of the tests, which run on no box; botocore and uuid, which make names with SHA-1: OpenSSL's
FIPS provider has SHA-1 (https://docs.openssl.org/3.0/man7/OSSL_PROVIDER-FIPS/), only not for signatures."""


def refuse_weak_digests():
    """Replace the functions of hashlib and hmac that make such digests."""
    for name in _REFUSED:
        setattr(hashlib, name, _guarded(getattr(hashlib, name), name))
    hashlib.new, hmac.new, hmac.digest = _new(hashlib.new), _hmac(hmac.new), _hmac(hmac.digest)


def _guarded(function, name):
    def digest(*arguments, usedforsecurity=True, **options):
        _require(name, usedforsecurity)
        return function(*arguments, usedforsecurity=usedforsecurity, **options)

    return digest


def _new(function):
    def new(name, *arguments, usedforsecurity=True, **options):
        _require(name, usedforsecurity)
        return function(name, *arguments, usedforsecurity=usedforsecurity, **options)

    return new


def _hmac(function):
    def make(key, msg=None, digestmod="", **options):
        name = digestmod if isinstance(digestmod, str) else getattr(digestmod, "__name__", "")
        _require(name.removeprefix("openssl_"), used_for_security=True)
        return function(key, msg, digestmod or options.pop("digest"), **options)

    return make


def _require(name, used_for_security):
    if used_for_security and name.lower().replace("-", "") in _REFUSED and not _is_exempt(sys._getframe(2)):
        raise ValueError(f"[digital envelope routines] unsupported: {name} on a host in FIPS mode")


def _is_exempt(frame):
    return frame.f_globals["__name__"].partition(".")[0] in _EXEMPT
