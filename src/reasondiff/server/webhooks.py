"""Telling others that a video is over, signed as Standard Webhooks, and only at places that a server may be sent to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ipaddress
import logging
import socket
import ssl
from collections.abc import Set
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from reasondiff.errors import InputError
from reasondiff.server.tables import deliveries
from reasondiff.web.database import Database

__all__ = ["Sender", "check_url", "secret_bytes", "signature"]

logger = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds for each step of one delivery."""
GIVE_UP = 24 * 3600.0
"""Seconds after which a message is dropped."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 3600.0


@dataclass(frozen=True)
class _Message:
    id: str
    url: str
    body: str
    created_at: float
    attempts: int


def secret_bytes(secret: str) -> bytes:
    """The key in ``whsec_...``.

    Raises:
        InputError: it is no such secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or len(key) < 16:
        raise InputError("The webhook secret is not whsec_ and at least 16 bytes in base64; make another one.")
    return key


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """As Standard Webhooks has it: ``v1,`` and the HMAC-SHA256 of id, time and body, in base64."""
    signed = hmac.digest(secret_bytes(secret), f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def check_url(url: str, allowed: Set[str]) -> None:
    """Raise ``InputError`` unless a message may be sent there, as far as the address alone tells.

    Args:
        url: of a client.
        allowed: hosts that may be private, and may be called without TLS.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InputError(f"The address {url[:80]!r} cannot be read; give https://HOST/PATH.") from None
    if not host or parts.username is not None or any(ord(letter) <= 32 for letter in url):
        raise InputError(f"The address {url[:80]!r} cannot be used; give https://HOST/PATH.")
    if host in allowed and parts.scheme in ("http", "https"):
        return
    if parts.scheme != "https":
        raise InputError(f"The address {url[:80]!r} is not https; give https://HOST/PATH.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    _check_public(literal, host)


def public_address(host: str, port: int, allowed: Set[str]) -> str:
    """An address of a host, looked up once; a later look might give another one.

    Raises:
        InputError: one of its addresses is not public.
        OSError: it has none.
    """
    found = [each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if host not in allowed:
        for address in found:
            _check_public(ipaddress.ip_address(str(address).partition("%")[0]), host)
    return str(found[0])


def _check_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address, host: str) -> None:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if not address.is_global or address.is_multicast or (inner is not None and not inner.is_global):
        raise InputError(f"The host {host[:80]!r} is not public; give one that is.")


class Sender:
    """Sends what waits in the outbox.

    Args:
        database: whose outbox.
        secret: see ``secret_bytes``.
        allowed: see ``check_url``.
    """

    def __init__(self, database: Database, secret: str, allowed: Set[str]) -> None:
        secret_bytes(secret)
        self._database, self._secret, self._allowed = database, secret, allowed

    def send_due(self, limit: int = 20) -> int:
        """Send what is due; a message that does not arrive waits twice as long as before, and goes after a day.

        Returns:
            How many arrived.
        """
        return sum(self._deliver(message) for message in self._due(limit))

    def _due(self, limit: int) -> list[_Message]:
        """What is due, put off at once, so that no second server sends it too."""
        columns = [deliveries.c[name] for name in ("id", "url", "body", "created_at", "attempts")]
        with self._database.writing() as connection:
            now = self._database.now(connection)
            connection.execute(deliveries.delete().where(deliveries.c.created_at < now - GIVE_UP))
            query = sa.select(*columns).where(deliveries.c.next_at <= now).order_by(deliveries.c.next_at).limit(limit)
            found = [_Message(*row) for row in connection.execute(query.with_for_update(skip_locked=True))]
            for each in found:
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2**each.attempts)
                later = {"attempts": each.attempts + 1, "next_at": now + wait}
                connection.execute(deliveries.update().where(deliveries.c.id == each.id).values(later))
            self._now = now
        return found

    def _deliver(self, message: _Message) -> bool:
        try:
            status = self._post(message)
        except (OSError, http.client.HTTPException, InputError) as error:
            logger.warning("The webhook %s did not arrive: %s", message.id, error)
            return False
        if not 200 <= status < 300:
            logger.warning("The webhook %s was answered with %d.", message.id, status)
            return False
        with self._database.writing() as connection:
            connection.execute(deliveries.delete().where(deliveries.c.id == message.id))
        return True

    def _post(self, message: _Message) -> int:
        check_url(message.url, self._allowed)
        parts = urlsplit(message.url)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        address = public_address(host, port, self._allowed)
        now = int(self._now)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "reasondiff",
            "webhook-id": message.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._secret, message.id, now, message.body),
        }
        connection = _Connection(host, port, address, secure=parts.scheme == "https")
        try:
            path = parts.path or "/"
            connection.request("POST", f"{path}?{parts.query}" if parts.query else path, message.body.encode(), headers)
            return connection.getresponse().status  # what it says, or where it points, is of no interest
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """To an address that was checked, under the name of the host."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._address, self._secure = address, secure

    def connect(self) -> None:
        """Connect, and with TLS show that the host is the one that is meant."""
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
