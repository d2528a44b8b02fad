"""The gate: who may send anything at all, decided from the request line and headers alone.

It stands in front of every route, Chainlit's too, on HTTP and WebSocket, and reads no body.
"""

import hmac
import json
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.errors import RequestRefused
from core.identity import ALL_SCOPES, API_SCOPES, Caller
from server.errors import body_of, new_request_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via")
"""How the headers begin that only a proxy sends."""
ANSWER_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
API_PREFIXES = ("/v1/", "/api/", "/mcp")
EMBEDDED = {"iframe", "frame", "embed", "object"}
BUILT_IN_HELP = re.compile(r"/help(/(zh/|static/)?[a-z-]+(\.(md|css|js))?)?")
"""Names of pages have letters only; ids of documents, which are somebody's, have a number."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Refusal(Exception):
    """Why a request does not pass, before anything of it is read."""

    status: int
    error: RequestRefused


@dataclass(frozen=True)
class Gate:
    """ASGI middleware. Without a key only this machine may ask; with one, its holders."""

    app: App
    api_key: str | None
    owner_token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            scope.setdefault("state", {})["caller"] = self.admit(scope)
        except Refusal as refusal:
            await refuse(scope, send, refusal)
            return
        await self.app(scope, receive, unframed(send))

    def admit(self, scope: Scope) -> Caller:
        """Who is asking. Raises Refusal."""
        headers = headers_of(scope)
        self.check_host(headers)
        check_origin(scope, headers)
        check_content_type(scope, headers)
        check_session_id(scope)
        return self.caller(scope, headers)

    def check_host(self, headers: dict[str, str]) -> None:
        if self.api_key is not None:
            return
        if hostname(headers.get("host", "")) not in LOOPBACK:
            raise forbidden("This Host is not served.", "Use http://127.0.0.1, or set an API key.")
        if found := [name for name in headers if name.startswith(FORWARDING)]:
            raise forbidden(
                f"The header {min(found)[:80]} says that a proxy forwards this request.",
                "Set THIMBLE_API_KEY to serve beyond this machine.",
            )

    def caller(self, scope: Scope, headers: dict[str, str]) -> Caller:
        given = bearer(headers)
        if given is not None and same(given, self.owner_token):
            return Caller(scopes=ALL_SCOPES)
        if self.api_key is not None and given is not None and same(given, self.api_key):
            return Caller(scopes=API_SCOPES)
        if given is not None and self.api_key is None and is_api(scope):
            # OpenAI clients cannot leave the key out; on this machine any will do.
            return Caller(scopes=API_SCOPES)
        if self.api_key is not None and needs_key(scope):
            raise Refusal(
                401,
                RequestRefused(
                    "This needs the API key.",
                    code="unauthorized",
                    fix="Send it as `Authorization: Bearer KEY`.",
                ),
            )
        return Caller(scopes=API_SCOPES)


def check_origin(scope: Scope, headers: dict[str, str]) -> None:
    """A page of another site may not use a visitor's browser as a bridge."""
    origin = headers.get("origin")
    if origin is not None and not same_origin(origin, headers.get("host", "")):
        raise forbidden("This page is of another origin.", "Open Thimble's own page.")
    elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    link = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"
    if elsewhere and not link:
        raise forbidden("This request comes from another site.", "Open Thimble's own page.")
    if headers.get("sec-fetch-dest") in EMBEDDED:
        raise forbidden("Thimble is not shown inside another page.", "Open it by itself.")


def check_content_type(scope: Scope, headers: dict[str, str]) -> None:
    """A plain HTML form cannot send JSON, so what takes JSON cannot be forged by one."""
    if scope["type"] != "http" or scope["method"] in SAFE_METHODS or not is_api(scope):
        return
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    upload = scope["path"] == "/v1/files" and kind == "multipart/form-data"
    if kind == "application/json" or upload or scope["method"] == "DELETE":
        return
    raise Refusal(
        415,
        RequestRefused(
            f"Content-Type {kind[:80]!r} is not taken here.",
            code="unsupported_media_type",
            fix="Send multipart/form-data." if scope["path"] == "/v1/files" else "Send JSON.",
        ),
    )


def check_session_id(scope: Scope) -> None:
    """Chainlit makes folders of session ids, which come from the client."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    for value in query.get("session_id", []) + query.get("sessionId", []):
        if not is_canonical_uuid(value):
            raise Refusal(
                400,
                RequestRefused(
                    "The session id is not a UUID.", code="bad_session_id", fix="Reload the page."
                ),
            )


def is_canonical_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def unframed(send: Send) -> Send:
    """Every answer forbids to be framed, or to be taken for another type than it says."""

    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *ANSWER_HEADERS]
        await send(message)

    return send_with_headers


def headers_of(scope: Scope) -> dict[str, str]:
    """Names in lower case; a repeated header is joined, so that a second one cannot hide."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def hostname(host: str) -> str:
    """The name in a Host header; "" for what is no host with at most a port, such as two hosts."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname or "" if parts.port != 0 else ""
    except ValueError:
        return ""


def same_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def bearer(headers: dict[str, str]) -> str | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" and value.strip() else None


def same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def is_api(scope: Scope) -> bool:
    return str(scope["path"]).startswith(API_PREFIXES)


def needs_key(scope: Scope) -> bool:
    """Everything but the chat, which has a login of its own, the way to it, and the pages of the
    built-in help, which hold nobody's data."""
    path = str(scope["path"])
    chat = path in ("/", "/chat") or path.startswith("/chat/")
    return not (chat or BUILT_IN_HELP.fullmatch(path))


def forbidden(message: str, fix: str) -> Refusal:
    return Refusal(403, RequestRefused(message, code="forbidden", fix=fix))


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps(body_of(refusal.error, new_request_id())).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
