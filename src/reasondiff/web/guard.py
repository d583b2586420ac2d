"""What is true of every request and every answer, whatever the route."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reasondiff.web.refusal import Refusal

__all__ = ["Guard", "Rules"]

_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is let in, and what every answer bears.

    Args:
        body: bytes of a request.
        seconds: for a body to arrive.
        hosts: names that the server goes by; empty for any.
        own_pages: only pages of the server itself may change anything.
        headers: of every answer, beside the usual ones.
        untold: headers that no answer bears.
    """

    body: int
    seconds: float
    hosts: Set[str] = frozenset()
    own_pages: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    untold: tuple[str, ...] = ()


class Guard:
    """Checks host and origin, counts and times the body, and gives every answer its headers.

    Args:
        app: that is guarded.
        rules: see ``Rules``.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules
        self.headers = {**_HEADERS, **rules.headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if re.fullmatch(r"[\w.-]{1,64}", given) else f"req_{secrets.token_hex(12)}"
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                extra = MutableHeaders(scope=message)
                extra["x-request-id"] = request_id
                for name, value in self.headers.items():
                    extra.setdefault(name, value)
                for name in self.rules.untold:
                    if name in extra:
                        del extra[name]
            await send(message)

        body = _Body(receive, self.rules.body, self.rules.seconds)
        try:
            self._check(scope, headers)
            await self.app(scope, body.receive, answer)
        except Refusal as error:
            if not started:
                await error.response()(scope, receive, answer)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = _name(headers.get("host", ""))
        if self.rules.hosts and host not in self.rules.hosts:
            # A page may have its own name point here; what it sends then still bears that name.
            raise Refusal(403, "This server does not go by that name; see --allow-host.", code="wrong_host")
        origin = headers.get("origin") if self.rules.own_pages and scope["method"] not in _SAFE else None
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            raise Refusal(403, "Pages of other origins may change nothing here.", code="wrong_origin")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.rules.body:
            raise _too_large(self.rules.body)


class _Body:
    """A request's body, of so many bytes at most, in so much time at most."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive, self._left, self._limit, self._seconds = receive, limit, limit, seconds
        self._deadline: float | None = None
        self._whole = False

    async def receive(self) -> Message:
        """The next part."""
        if self._whole:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        self._deadline = self._deadline or clock() + self._seconds
        try:
            async with asyncio.timeout(max(0.0, self._deadline - clock())):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, "The request took too long to arrive; send it faster.", code="timeout") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> Refusal:
    headers = {"Connection": "close"}
    return Refusal(413, f"The request is larger than {limit:,} bytes; send less.", code="too_large", headers=headers)


def _name(host: str) -> str:
    """The host without its port."""
    return re.sub(r":\d+$", "", host).strip("[]").lower()
