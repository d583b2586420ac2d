"""Where a server is reached."""

from __future__ import annotations

import socket

from reasondiff.errors import InputError

__all__ = ["address_of", "listen"]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: it cannot.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{host}:{port} cannot be listened at ({reason}); give another --host or --port.") from None


def address_of(host: str, listener: socket.socket) -> str:
    """As a browser takes it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
