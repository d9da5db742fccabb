"""Renders the console's pages: escaped by default, in the reader's language, under a content security policy with a
fresh nonce.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from serving.texts import LANGUAGES, Language, catalogue, choose

LANGUAGE_COOKIE = "arrivals_lang"
_YEAR_SECONDS = 31_536_000
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Pages:
    """The templates of `serving/console`."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._templates = Environment(
            loader=PackageLoader("serving", "console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.globals["asset"] = asset
        self._templates.filters["thousands"] = lambda number: f"{number:,}"
        self._templates.filters["clock"] = lambda instant: instant[11:19]

    def language(self, request: Request) -> Language:
        """The language for this request."""
        asked, remembered = request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
        return choose(asked, remembered, request.headers.get("accept-language"))

    def render(self, request: Request, template: str, context: Mapping[str, Any], status: int = 200) -> Response:
        """A page; `t` in the template is the catalogue of its language."""
        language, nonce = self.language(request), secrets.token_urlsafe(16)
        other = next(tongue for tongue in LANGUAGES if tongue != language)
        texts = catalogue(language)
        html = self._templates.get_template(template).render(
            {"t": texts, "lang": language, "other_lang": other, "nonce": nonce, "path": request.url.path}
            | {"account": getattr(request.state, "account", None), **context}
        )
        headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        response = HTMLResponse(html, status, headers)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, language, max_age=_YEAR_SECONDS, httponly=True, samesite="strict", secure=self._secure
            )
        return response


@cache
def asset(name: str) -> str:
    """The address of a static file, with a mark of its content, so that browsers may keep it for ever."""
    content = (files("serving") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
