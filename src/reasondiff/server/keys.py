"""API keys: several, by name, revocable; only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reasondiff.errors import InputError
from reasondiff.server.tables import keys
from reasondiff.web.database import Database

__all__ = ["NOBODY", "Key", "Keys"]

NOBODY = "local"
"""Who owns what is asked for while there are no keys."""


@dataclass(frozen=True)
class Key:
    """What is known of a key; not the key itself.

    Args:
        id: the owner of what is made with it.
        name: given by whoever made it.
        created_at: seconds since 1970.
        revoked_at: None while it can be used.
    """

    id: str
    name: str
    created_at: float
    revoked_at: float | None


class Keys:
    """The keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str) -> str:
        """A new key; it is nowhere else.

        Raises:
            InputError: there is one of that name.
        """
        key = f"rd-{secrets.token_urlsafe(32)}"
        try:
            with self._database.writing() as connection:
                now = self._database.now(connection)
                values = {"id": f"key_{secrets.token_hex(8)}", "name": name, "hash": _hash(key), "created_at": now}
                connection.execute(keys.insert().values(values))
        except IntegrityError:
            raise InputError(f"There is a key named {name!r} already; choose another name.") from None
        return key

    def revoke(self, name: str) -> None:
        """Let a key be of no use from now on.

        Raises:
            InputError: there is none of that name.
        """
        with self._database.writing() as connection:
            now = self._database.now(connection)
            if not connection.execute(keys.update().where(keys.c.name == name).values(revoked_at=now)).rowcount:
                raise InputError(f"There is no key named {name!r}; 'reasondiff keys list' shows them.")

    def all(self) -> list[Key]:
        """Every key that was ever made, the oldest first."""
        columns = (keys.c.id, keys.c.name, keys.c.created_at, keys.c.revoked_at)
        with self._database.reading() as connection:
            return [Key(*row) for row in connection.execute(sa.select(*columns).order_by(keys.c.created_at))]

    def any(self) -> bool:
        """Whether a key was ever made: from then on nobody is let in without one."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(keys.c.id).limit(1)).first() is not None

    def owner_of(self, key: str) -> str | None:
        """The id of a key that can be used; None of any other. Hashes are looked up: no time tells letters."""
        usable = (keys.c.hash == _hash(key)) & keys.c.revoked_at.is_(None)
        with self._database.reading() as connection:
            return connection.execute(sa.select(keys.c.id).where(usable)).scalar()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
