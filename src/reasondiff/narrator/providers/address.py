"""A server's address: checked, and taken apart so that no part of it that is secret travels further."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from reasondiff.errors import InputError

__all__ = ["Address", "proxy_of", "read_address", "shown_address"]


@dataclass(frozen=True)
class Address:
    """Where requests go.

    Args:
        base: scheme, host and path, without a user, a password or a query.
        query: sent with every request, such as ``api-version``.
        user: (name, password) for the server's basic authentication; None for none.
    """

    base: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        pair = (":".join(self.user), *self.user) if self.user else ()
        return (*pair, *self.query.values())


def read_address(text: str) -> Address:
    """Take an address apart.

    Raises:
        InputError: it is none; its user part is not quoted.
    """
    given = text.strip()
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or not given.isprintable() or " " in given:
        raise InputError(
            f"The narrator URL {shown_address(text)!r} is no address; give one such as http://localhost:8000/v1."
        )
    if "@" in parts.path + parts.query + parts.fragment:
        raise InputError(
            f"The narrator URL {shown_address(text)!r} has an '@' behind its host; if it belongs to a password, write "
            "/ as %2F, ? as %3F, # as %23 and @ as %40."
        )
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return Address(
        base=urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
        query=dict(parse_qsl(parts.query)),
        user=(unquote(name), unquote(password)) if user else None,
    )


def shown_address(text: str) -> str:
    """As much of an address, or of what was meant to be one, as may be shown."""
    scheme = re.match(r"\s*(\w[\w+.-]*:/+)?", text)
    if "@" in text:
        text = (scheme[1] or "" if scheme else "") + text.rpartition("@")[2]
    return re.split(r"[?#]", text, maxsplit=1)[0]


def proxy_of(base: str) -> str:
    """The proxy that requests to this address go through, without its user; "" for none."""
    parts = urlsplit(base)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return ""
    proxies = getproxies()
    return shown_address(proxies.get(parts.scheme) or proxies.get("all") or "")
