"""Who asks, and what answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from reasondiff.server.api.forms import Fields
from reasondiff.server.api.ordering import Asked
from reasondiff.server.api.watching import Watchers
from reasondiff.server.keys import NOBODY
from reasondiff.server.service import Service
from reasondiff.web.refusal import Refusal

__all__ = ["Owner", "Parts", "Seen", "asked_by"]


def parts(request: Request) -> Service:
    """The parts of this server."""
    return request.app.state.service


def watchers(request: Request) -> Watchers:
    """Who follows events here."""
    return request.app.state.watchers


Parts = Annotated[Service, Depends(parts)]
Seen = Annotated[Watchers, Depends(watchers)]


async def owner(request: Request, service: Parts) -> str:
    """Whose key a request bears.

    Raises:
        Refusal: none, where there are keys, or one that is of no use.
    """
    given = request.headers.get("authorization", "")
    scheme, _, key = given.partition(" ")
    return await run_in_threadpool(_owner, service, key.strip() if scheme.lower() == "bearer" else "")


def _owner(service: Service, key: str) -> str:
    if key and (found := service.keys.owner_of(key)) is not None:
        return found
    if not service.keys.any():
        return NOBODY
    asked = {"WWW-Authenticate": "Bearer"}
    if not key:
        raise Refusal(401, "This server wants a key; send 'Authorization: Bearer KEY'.", code="no_key", headers=asked)
    raise Refusal(401, "This key is unknown or revoked; ask for another one.", code="invalid_api_key", headers=asked)


Owner = Annotated[str, Depends(owner)]


def asked_by(request: Request, owner: str, fields: Fields, route: str) -> Asked:
    """Who asks for what, and whether it is the same as before."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 255:
        raise Refusal(400, "The Idempotency-Key has no or more than 255 characters.", param="Idempotency-Key")
    retries = request.headers.get("x-stainless-retry-count", "0")
    return Asked(owner, key, f"{fields.hash()[:56]}{_short(route)}", retried=retries.isdecimal() and int(retries) > 0)


def _short(route: str) -> str:
    import hashlib

    return hashlib.sha256(route.encode()).hexdigest()[:8]
