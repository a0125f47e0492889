"""Who may speak to the page: a browser on this machine that was given the token, from the page itself.

Against other pages of the same browser: the Host must be ours (no DNS rebinding), an Origin likewise, what changes something
must have one; the cookie goes with no request that another site starts. Against what jobs wrote: nothing but our own scripts
runs, nothing is fetched from elsewhere.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost")
REFUSED = "This page needs the link that the terminal printed: `xpm monitor` prints a new one.\n"


@dataclass(frozen=True, slots=True)
class Pass:
    """What lets a browser in."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """In the link."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """In the cookie that the link sets."""

    @property
    def url(self) -> str:
        """The link."""
        return f"http://127.0.0.1:{self.port}/?t={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies are the same for all ports of a machine."""
        return f"xpm-{self.port}"


class Guard:
    """Lets through what may come, and says to browsers what pages may do."""

    def __init__(self, app: ASGIApp, allowed: Pass, policy: str) -> None:
        self._app = app
        self._pass = allowed
        self._headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
            "cache-control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let it through."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, sending)

    def _refusal(self, scope: Scope) -> Response | None:
        """What to answer instead of what was asked for; None: it may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in {f"{name}:{self._pass.port}" for name in NAMES}:
            return PlainTextResponse("This is not the address of the page.\n", 421)
        if not _is_own(scope, headers, f"http://{host}"):
            return PlainTextResponse("Another site may not ask this.\n", 403)
        if scope["path"] == "/" and b"t=" in scope["query_string"]:
            return self._welcome(scope)
        cookie = cookie_parser(headers.get("cookie", "")).get(self._pass.cookie, "")
        if not _same(cookie, self._pass.secret):
            return PlainTextResponse(REFUSED, 401)
        return None

    def _welcome(self, scope: Scope) -> Response:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("t", [""])[0]
        if not _same(given, self._pass.token):
            return PlainTextResponse(REFUSED, 401)
        answer = RedirectResponse("/", 303)  # browsers keep what follows the #
        answer.set_cookie(
            self._pass.cookie, self._pass.secret, path="/", httponly=True, samesite="strict"
        )
        return answer


def _is_own(scope: Scope, headers: Headers, own: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin != own:
        return False
    if scope["method"] not in ("GET", "HEAD"):
        is_json = headers.get("content-type", "").partition(";")[0] == "application/json"
        return origin is not None and is_json
    site = headers.get("sec-fetch-site", "none")
    return site in ("same-origin", "none") or headers.get("sec-fetch-mode") == "navigate"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
