"""Speaks to the OpenID Connect provider: authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636).

The provider only says who somebody is; what he may do is in our accounts. Nothing of a token is kept or shown. A provider that is
away is Unavailable, one that says anything unexpected is refused, and the error never says what it said.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption

from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured, Refused, Unavailable

CALLBACK = "/login/oidc/callback"
_SECONDS, _CONNECT_SECONDS = 10.0, 5.0
#: Signed with the provider's private key: with a shared secret whoever knows it could be anybody.
_ALGORITHMS = ("RS256", "PS256", "ES256")
_CLOCKS_DIFFER_SECONDS = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser keeps while it is at the provider: it must come back with the same state, and the token with the nonce."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Flow:
        """Three secrets of 256 bits."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @classmethod
    def read(cls, cookie: str) -> Flow | None:
        """The flow in a cookie; None for what is none."""
        parts = cookie.split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None  # noqa: PLR2004

    def write(self) -> str:
        """The cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"


class OidcClient:
    """One provider. Made by `open_oidc`."""

    def __init__(self, settings: Settings, issuer: str, client: tuple[str, str], context: ssl.SSLContext) -> None:
        self._issuer = issuer
        self._id, self._secret = client
        self._claim = settings.oidc_claim
        self._context = context
        self._callback = settings.console_url.rstrip("/") + CALLBACK
        self._secure = settings.mode == "production"

    async def begin(self, flow: Flow) -> str:
        """The address at the provider to send the browser to. Raises Unavailable, Refused."""
        async with self._client() as client:
            metadata = await self._metadata(client)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            **{"response_type": "code", "client_id": self._id, "redirect_uri": self._callback, "scope": "openid profile"},
            **{"state": flow.state, "nonce": flow.nonce, "code_challenge": challenge, "code_challenge_method": "S256"},
        }
        address = metadata["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    async def finish(self, code: str, flow: Flow) -> str:
        """The name of the account in the token that the code is given for. Raises Refused (403), Unavailable."""
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._callback, "code_verifier": flow.verifier}
        async with self._client() as client:
            metadata = await self._metadata(client)
            credentials = quote(self._id, safe=""), quote(self._secret, safe="")
            answer = await _json(client, "POST", metadata["token_endpoint"], data=asked, auth=credentials)
            keys = await _json(client, "GET", metadata["jwks_uri"])
        name = self._claims(answer.get("id_token"), keys, flow.nonce).get(self._claim)
        if not isinstance(name, str):
            raise _refused("names no account")
        return name

    def _claims(self, token: Any, keys: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        present: ClaimsOption = {"essential": True}
        rules = jwt.JWTClaimsRegistry(
            leeway=_CLOCKS_DIFFER_SECONDS,
            exp=present,
            iat=present,
            sub=present,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._id},
            nonce={"essential": True, "value": nonce},
        )
        try:
            signing = [key for key in keys["keys"] if key.get("use", "sig") == "sig" and key["kty"] in ("RSA", "EC")]
            claims = jwt.decode(token, KeySet.import_key_set({"keys": signing}), list(_ALGORITHMS)).claims
            rules.validate(claims)
        except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _refused(f"sent a token that does not hold ({type(error).__name__})") from None
        if claims.get("azp", self._id) != self._id or (isinstance(claims["aud"], list) and claims["aud"] != [self._id]):
            raise _refused("sent a token for somebody else")
        return claims

    async def _metadata(self, client: httpx.AsyncClient) -> dict[str, Any]:
        found = await _json(client, "GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        addresses = [str(found.get(name, "")) for name in _ENDPOINTS]
        if found.get("issuer") != self._issuer or not all(self._may_ask(address) for address in addresses):
            raise _refused("describes itself wrongly")
        return found

    def _may_ask(self, address: str) -> bool:
        return address.startswith("https://") or (not self._secure and address.startswith("http://"))

    def _client(self) -> httpx.AsyncClient:
        timeout = httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
        return httpx.AsyncClient(verify=self._context, timeout=timeout, trust_env=False, follow_redirects=False)


def open_oidc(settings: Settings) -> OidcClient | None:
    """The client of the provider in the settings; None where none is set. Raises Misconfigured for half a setting."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None or settings.oidc_client_secret_file is None:
        advice = "Set ARRIVALS_OIDC_CLIENT_ID and ARRIVALS_OIDC_CLIENT_SECRET_FILE."
        raise Misconfigured("oidc", "The client of the OpenID Connect provider is not set.", advice)
    if settings.mode == "production" and not settings.oidc_issuer.startswith("https://"):
        raise Misconfigured("oidc", "The OpenID Connect provider is not asked over HTTPS.", "Set ARRIVALS_OIDC_ISSUER.")
    try:
        secret = settings.oidc_client_secret_file.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        problem = f"The secret of the OpenID Connect client cannot be read ({type(error).__name__})."
        raise Misconfigured("oidc", problem, "Set ARRIVALS_OIDC_CLIENT_SECRET_FILE.") from None
    return OidcClient(settings, settings.oidc_issuer, (settings.oidc_client_id, secret), ssl.create_default_context())


async def _json(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> dict[str, Any]:
    try:
        answer = await client.request(method, url, **more)
        found = answer.json()
    except httpx.HTTPError as error:
        problem = f"The OpenID Connect provider does not answer ({type(error).__name__})."
        raise Unavailable("oidc_unavailable", problem) from None
    except ValueError:
        found = None
    if answer.is_server_error:
        raise Unavailable("oidc_unavailable", "The OpenID Connect provider cannot answer now.")
    if not answer.is_success or not isinstance(found, dict):
        raise _refused(f"answered {answer.status_code}")
    return found


def _refused(what: str) -> Refused:
    return Refused("login_oidc", f"The OpenID Connect provider {what}.", 403, "Log in again.")
