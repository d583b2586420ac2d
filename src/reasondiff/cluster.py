"""A Ray cluster, joined by its address."""

from __future__ import annotations

import socket

from reasondiff.errors import InputError

__all__ = ["join_cluster"]


def join_cluster(address: str) -> None:
    """Become a driver of a Ray cluster, unless this process is one already.

    Args:
        address: such as ``auto`` or ``10.0.0.1:6379``.

    Raises:
        InputError: Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise InputError("A Ray cluster needs Ray; run pip install 'reasondiff[ray]'.") from None
    if ray.is_initialized():
        return
    try:
        _answers(address)
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError) as error:
        told = " ".join(str(error).split())[:160].rstrip(".")
        raise InputError(
            f"No Ray cluster answers at {address!r} ({told}); start one with 'ray start --head', and give its address."
        ) from None


def _answers(address: str) -> None:
    """Raise ``OSError`` where nobody listens at ``host:port``; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()
