"""Upbit's JWT, checked as Upbit checks it: HS256 or HS512, the key, the nonce, the hash of what was asked."""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from bongsu.sandbox.key import ApiKey, Right
from bongsu.sandbox.orders import Refused

_HASHES = {"HS256": "sha256", "HS512": "sha512"}
_REMEMBERED_NONCES = 50_000


class Gate:
    """Nonces are remembered by this process only: a restart forgets them."""

    def __init__(self, key: ApiKey, now: Callable[[], datetime]) -> None:
        self._key = key
        self._now = now
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def admit(self, authorization: str | None, asked: list[str], right: Right | None = None) -> None:
        """`asked` holds the spellings of the query string that may be hashed; empty without parameters.

        Raises Refused with status 401, or 403 for want of `right`.
        """
        if not authorization or not authorization.startswith("Bearer "):
            raise _refused("no_authorization_token", "no bearer token")
        claims = self._verified(authorization.removeprefix("Bearer ").strip())
        if claims.get("access_key") != self._key.access_key:
            raise _refused("invalid_access_key", "this access key is not known")
        if asked:
            _check_hash(claims, asked)
        self._use_up(claims.get("nonce"))
        self._check_key(right)

    def _check_key(self, right: Right | None) -> None:
        if not self._key.address_allowed:
            raise _refused("no_authorization_i_p", "this address is not on the key's list")
        if self._key.expired(self._now()):
            raise _refused("expired_access_key", "this access key has expired")
        if right is not None and right not in self._key.rights:
            raise Refused("out_of_scope", f"the key has no right to {right}", 403)

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            head, body, signature = token.split(".")
            algorithm = _HASHES[msgspec.json.decode(_unbase64(head))["alg"]]
            expected = hmac.new(self._key.secret_key.encode(), f"{head}.{body}".encode(), algorithm).digest()
            claims = msgspec.json.decode(_unbase64(body), type=dict[str, Any])
            genuine = hmac.compare_digest(expected, _unbase64(signature))
        except (ValueError, KeyError, TypeError, msgspec.DecodeError, binascii.Error):
            raise _refused("jwt_verification", "the token is no JWT signed by HS256 or HS512") from None
        if not genuine:
            raise _refused("jwt_verification", "the token's signature is wrong")
        return claims

    def _use_up(self, nonce: object) -> None:
        if not isinstance(nonce, str) or not nonce:
            raise _refused("invalid_query_payload", "the token has no nonce")
        if nonce in self._nonces:
            raise _refused("nonce_used", "this nonce was used before")
        self._nonces[nonce] = None
        if len(self._nonces) > _REMEMBERED_NONCES:
            self._nonces.popitem(last=False)


def spellings_of_query(raw: str) -> list[str]:
    """Clients hash the query decoded, as the documentation says; some hash it as it is sent."""
    return sorted({raw, unquote(raw), unquote_plus(raw)}) if raw else []


def spellings_of_body(body: dict[str, Any]) -> list[str]:
    pairs = [pair for name, value in body.items() for pair in _pairs(name, value)]
    return ["&".join(pairs)] if pairs else []


def _pairs(name: str, value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield f"{name}[]={_spelled(item)}"
    else:
        yield f"{name}={_spelled(value)}"


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _check_hash(claims: dict[str, Any], asked: list[str]) -> None:
    if str(claims.get("query_hash_alg", "SHA512")).upper() != "SHA512":
        raise _refused("invalid_query_payload", "query_hash_alg must be SHA512")
    claimed = str(claims.get("query_hash", "")).lower()
    hashes = [hashlib.sha512(spelling.encode()).hexdigest() for spelling in asked]
    if not any(hmac.compare_digest(claimed, expected) for expected in hashes):
        raise _refused("invalid_query_payload", "query_hash does not match what was sent")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _refused(name: str, message: str) -> Refused:
    return Refused(name, message, 401)
