"""What a host in FIPS mode does to Python: md5 and sha1 are refused, unless the caller says that security is no concern.

CPython asks OpenSSL, which refuses them without `usedforsecurity=False`
(https://docs.python.org/3/library/hashlib.html#hash-algorithms). conftest.py applies it to all tests.
"""

import hashlib
import hmac

_REFUSED = ("md5", "sha1")


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
    if used_for_security and name.lower().replace("-", "") in _REFUSED:
        raise ValueError(f"[digital envelope routines] unsupported: {name} on a host in FIPS mode")
