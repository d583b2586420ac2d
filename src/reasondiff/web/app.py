"""How every app of ours is finished."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from reasondiff.web.guard import Guard, Rules
from reasondiff.web.refusal import Refusal

__all__ = ["finish"]


def finish(app: Starlette, rules: Rules, *, pages: Path, at: str) -> None:
    """Give an app its files, its refusals their form, and set the guard before it.

    Args:
        app: that has all its routes; its files come after them.
        rules: of the guard.
        pages: a folder of files as they are served.
        at: the path below which they are.
    """
    app.mount(at, StaticFiles(directory=pages, html=True), name="pages")
    app.add_exception_handler(Refusal, _refuse)
    app.add_middleware(Guard, rules=rules)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()
