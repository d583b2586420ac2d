"""All routes as one app."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute

from reasondiff import __version__, studio
from reasondiff.server.api import errors, health, mcp, stories, videos
from reasondiff.server.api.watching import Watchers
from reasondiff.server.service import Service
from reasondiff.web.app import finish
from reasondiff.web.guard import Rules

__all__ = ["create_app"]


def create_app(service: Service) -> FastAPI:
    """The app of a server.

    Args:
        service: what it works with.
    """
    app = FastAPI(
        title="ReasonDiff",
        version=__version__,
        description="Videos from an image and a text that do not describe the same moment.",
        docs_url=None,  # its page would come from somebody else's server
        redoc_url=None,
        generate_unique_id_function=_name,
    )
    app.state.service = service
    app.state.watchers = Watchers(service.queue)
    routers = [each.router for each in (videos, stories, health, mcp)]
    for each in routers:
        app.include_router(each)
    errors.install(app, [route for each in routers for route in each.routes])
    limits = service.limits
    finish(app, Rules(body=limits.body, seconds=limits.upload_seconds, hosts=service.hosts), pages=studio.DIST, at="/")
    return app


def _name(route: APIRoute) -> str:
    return route.name
