"""Refusals in the form that OpenAI's clients read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match

from reasondiff.errors import InputError, OutputError, ReasonDiffError
from reasondiff.server.queue import NotQueuedError, RepeatedError
from reasondiff.server.quotas import QuotaError
from reasondiff.web.refusal import Refusal

__all__ = ["busy", "install", "not_found"]

logger = logging.getLogger(__name__)


def not_found(what: str = "video") -> Refusal:
    """There is none, or it is somebody else's: nobody can tell which."""
    return Refusal(404, f"There is no such {what}; check its id.", code=f"{what}_not_found")


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let every refusal and every fault of an app have this form.

    Args:
        app: whose answers they are.
        routes: that tell which methods a place takes.
    """

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:]) or None
        message = f"{param or 'The request'}: {first['msg']}."
        return Refusal(400, message, code="invalid_value", param=param).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        sentences = {404: "There is no such route; see /openapi.json.", 405: "This route takes another method."}
        message = sentences.get(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_methods(routes, request)))
        return Refusal(error.status_code, message, headers=headers).response()

    @app.exception_handler(ReasonDiffError)
    async def ours(request: Request, error: ReasonDiffError) -> JSONResponse:
        return of(error).response()

    @app.exception_handler(OperationalError)
    @app.exception_handler(TimeoutError)
    async def database(request: Request, error: Exception) -> JSONResponse:
        logger.warning("The database takes nothing now: %s", error)
        return busy("The database takes nothing now; ask again soon.").response()

    @app.exception_handler(ClientDisconnect)
    async def vanished(request: Request, error: ClientDisconnect) -> JSONResponse:
        return Refusal(400, "The request was broken off; send it again.", code="broken_off").response()

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        logger.error("A fault of ours.", exc_info=error)
        return Refusal(500, "The server made a mistake and has written it down.", code="server_error").response()


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """What a place takes, whichever of its routes takes it; one that is named in full is no id of another."""
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    named = [route for route in matching if getattr(route, "path", None) == request.url.path]
    there = named or matching
    return {method for route in there for method in getattr(route, "methods", None) or ()}


def busy(message: str) -> Refusal:
    """Not now."""
    return Refusal(503, message, code="server_busy", headers={"Retry-After": "10"})


def of(error: ReasonDiffError) -> Refusal:
    """An error of the library as a refusal."""
    match error:
        case QuotaError():
            return Refusal(429, str(error), code="rate_limit_exceeded", headers={"Retry-After": str(error.retry_after)})
        case RepeatedError():
            return Refusal(422, str(error), code="idempotency_key_reused", param="Idempotency-Key")
        case NotQueuedError():
            return Refusal(409, str(error), code="not_queued")
        case OutputError():
            return busy("The disk takes nothing now; ask again later.")
        case InputError():
            return Refusal(400, str(error), code="invalid_value")
    return Refusal(500, str(error), code="server_error")
