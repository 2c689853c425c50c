"""Access tokens by OAuth 2.0 client credentials: a time, signed. They outlive the stand-in's own process."""

import hmac
import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from loyalty.standin.answers import Refused
from loyalty.standin.fields import Fields, one_of

GRANT = "client_credentials"
SCHEME = "Bearer "


@dataclass(frozen=True)
class Client:
    """The one client that is let in: its credentials, and how long its tokens hold."""

    client_id: str
    secret: str = field(repr=False)
    token_life_s: int = 3_600
    _revoked: set[str] = field(default_factory=set, repr=False)
    _checked: dict[str, float] = field(default_factory=dict, repr=False)

    def token(self, fields: Fields) -> dict[str, Any]:
        """POST /oauth/token. Raises Refused: other credentials than the client's."""
        one_of(fields, "grant_type", [GRANT])
        given = f"{fields.get('client_id')}\n{fields.get('client_secret')}".encode()
        if not hmac.compare_digest(given, f"{self.client_id}\n{self.secret}".encode()):
            raise Refused(401, "INVALID_CLIENT", "These are not the credentials of a client.")
        signed = f"{round((time.time() + self.token_life_s) * 1000)}.{secrets.token_hex(8)}"
        token = f"{signed}.{self._signature(signed)}"
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life_s}

    def check(self, authorization: str | None, client_id: str | None) -> str:
        """Return the token of a call. Raises Refused: it does not hold, or is not the named client's."""
        token = (authorization or "").removeprefix(SCHEME)
        ends_at = self._checked.get(token) or self._read(token)
        if ends_at <= time.time() or token in self._revoked or client_id != self.client_id:
            raise Refused(401, "UNAUTHORIZED", "The access token does not hold.")
        self._checked[token] = ends_at
        return token

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        self._revoked.add(token)

    def _read(self, token: str) -> float:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return 0.0
        return int(signed.partition(".")[0]) / 1000

    def _signature(self, signed: str) -> str:
        return hmac.new(self.secret.encode(), signed.encode(), sha256).hexdigest()
