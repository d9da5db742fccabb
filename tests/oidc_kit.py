"""A small OpenID Connect provider over real HTTP: it lets everybody in as `account`, keeps to the protocol, and can lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "console", "secret of the console/ü"
Claims = dict[str, Any]


@dataclass
class Provider:
    """What it says. `change` alters the claims of a token, `key` signs it, `status` answers the token endpoint."""

    issuer: str = ""
    account: str = "wang.fang"
    change: Callable[[Claims], Claims] = dict
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    published: RSAKey | None = None
    status: int = 200
    described: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in places.items()}, **self.described}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code."""
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A token for a code, once, to the client that asked for it."""
        asked = self.codes.pop(form["code"], None)
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        known = asked is not None and (unquote(client[0]), unquote(client[2])) == (CLIENT, SECRET)
        if asked is None or not known or (challenge, form["redirect_uri"]) != (asked["code_challenge"], asked["redirect_uri"]):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        said = self.change({**claims, "preferred_username": self.account})
        return self.status, {
            "id_token": jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, self.key),
            "token_type": "Bearer",
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [(self.published or self.key).as_dict(private=False)]}


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that answers on a port of its own."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(_fields(query)))
                self.end_headers()
            else:
                self._answer(200, provider.metadata() if path.startswith("/.well-known") else provider.keys())

        def do_POST(self) -> None:
            form = _fields(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(*provider.token(form, self.headers["Authorization"]))

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def _fields(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


def query_of(address: str) -> dict[str, str]:
    """The fields in an address."""
    return _fields(urlsplit(address).query)
