"""Who may ask: only the page that was opened with the token, from this machine."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Sent with every answer: a page of this server loads from this server only, and no other page can embed anything."""


class Access:
    """Decides about requests, by their headers alone.

    Args:
        token: the secret in the address.
        port: the port of the server.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token.encode()
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        # Cookies are shared by all ports of a machine: each explorer has its own.
        self.cookie = f"dcgan-kit-explorer-{port}"

    def refusal(self, method: str, query: str, headers: Mapping[str, str]) -> str:
        """Return why a request is refused; empty if it is allowed.

        Args:
            method: such as ``POST``.
            query: what stands after the question mark.
            headers: by names in small letters.
        """
        host = headers.get("host", "")
        if host not in self.hosts:
            # A page elsewhere can give its name the address 127.0.0.1 (DNS rebinding), but cannot change this header.
            return "the host is not this machine"
        if not (self.opens(query) or self._kept(headers)):
            return "the token is missing or wrong: open the address that dcgan-kit printed"
        origin = headers.get("origin")
        if (origin is not None or method == "POST") and origin != f"http://{host}":
            return "the request comes from another page"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not self.opens(query):
            return "the request comes from another page"
        return ""

    def opens(self, query: str) -> bool:
        """Return whether an address has the token."""
        return any(map(self._matches, parse_qs(query).get("token", ())))

    def keep(self) -> str:
        """Return the header that lets the browser keep the token."""
        return f"{self.cookie}={self._token.decode()}; Path=/; HttpOnly; SameSite=Strict"

    def _kept(self, headers: Mapping[str, str]) -> bool:
        # Other programs at other ports leave cookies of any form, at which SimpleCookie would drop the whole header.
        pairs = (cookie.strip().partition("=") for cookie in headers.get("cookie", "").split(";"))
        return any([self._matches(value) for name, _, value in pairs if name == self.cookie])

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._token)


class Gate:
    """An ASGI application before another one: refuses what ``Access`` refuses, and adds ``HEADERS`` to every answer."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        refusal = self._access.refusal(scope["method"], query, headers)

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                more = {name.encode(): value.encode() for name, value in HEADERS.items()}
                if not refusal and self._access.opens(query):
                    more[b"set-cookie"] = self._access.keep().encode()
                message["headers"] = [*message["headers"], *((n, v) for n, v in more.items() if n not in given)]
            await send(message)

        if refusal:
            from starlette.responses import PlainTextResponse

            await PlainTextResponse(f"{refusal}\n", 403)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)
