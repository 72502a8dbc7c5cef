"""Upbit's request signature: a JWT over the hash of the parameters."""

import base64
import hashlib
import hmac
from uuid import uuid4

import msgspec

_HEADER = {"alg": "HS512", "typ": "JWT"}


class Credentials:
    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key.encode()

    def sign(self, query: str) -> str:
        """The Authorization header for one sending of `query`: "k=v&k=v" as sent, but not percent-encoded."""
        claims = {"access_key": self._access_key, "nonce": str(uuid4())}
        if query:
            claims["query_hash"] = hashlib.sha512(query.encode()).hexdigest()
            claims["query_hash_alg"] = "SHA512"
        signed = f"{_encode(msgspec.json.encode(_HEADER))}.{_encode(msgspec.json.encode(claims))}"
        signature = hmac.digest(self._secret_key, signed.encode(), "sha512")
        return f"Bearer {signed}.{_encode(signature)}"


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
