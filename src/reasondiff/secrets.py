"""What must never be shown: keys, and the user part of an address.

Everything that a narrator logs, records or raises and that somebody else wrote (a server, a library, the environment)
goes through ``without_secrets`` first; so does all that the command line prints on standard error, where a user's own
address may come back in a usage error, and the traceback of ``--debug``.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

from reasondiff.errors import InputError

__all__ = ["HIDDEN", "KEY", "read_key", "without_secrets"]

KEY = "OPENAI_API_KEY"
"""The environment variable that a server's key is read from."""

HIDDEN = "..."
"""What stands in a secret's place."""

_VARIABLES = (KEY, "OPENAI_ADMIN_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")

SHORTEST = 8
"""Characters of a key that is hidden wherever it stands. A shorter one is a stand-in such as ``none`` or ``EMPTY``, and
hiding it would blank words of any text."""

_IN_ADDRESS = re.compile(r"(?P<scheme>\b[A-Za-z][\w+.-]*:/{1,3})[^\s\"'<>`]*@")
_WITHOUT_SCHEME = re.compile(r"(?<![\w/])[\w.+~%-]+:[^\s@/\"'<>`]+@(?=[\w\[])")
_HEADER = re.compile(r"\b(?P<kind>Bearer|Basic)\s+[\w.~+/=*-]{4,}", re.IGNORECASE)
_SHAPE = re.compile(r"\b(?:sk|pk|rk|gsk|hf|xai|ghp|r8|csk|pplx|nvapi|AIza)[-_]?(?=[\w*.-]*[\d*])[\w*-]{8,}")
"""Keys of the large services, masked ones included, whoever's they are."""


def read_key() -> str:
    """The key of the environment; "" if there is none.

    Raises:
        InputError: no server can be sent such a key. It is not quoted.
    """
    key = os.environ.get(KEY, "").strip()
    if key.split() != [key] * bool(key):
        raise InputError(f"{KEY} holds a space or a line break, so it is no key; export it again.")
    if not (key.isascii() and key.isprintable()):
        raise InputError(
            f"{KEY} holds a character that no key has, such as a typographic quotation mark; export it again."
        )
    if key[:1] in {'"', "'"}:
        raise InputError(f"{KEY} holds quotation marks that belong to the shell; export it again without them.")
    return key


def without_secrets(text: str, more: Iterable[str] = ()) -> str:
    """The text with ``...`` in the place of every secret.

    Args:
        text: from a server, a library or the environment.
        more: secrets that do not stand in the environment, such as an address's user and password.
    """
    for form in sorted(set(_forms(more)), key=len, reverse=True):
        text = re.sub(re.escape(form), HIDDEN, text, flags=re.IGNORECASE)
    text = _IN_ADDRESS.sub(lambda match: match["scheme"], text)
    text = _WITHOUT_SCHEME.sub("", text)
    text = _HEADER.sub(lambda match: f"{match['kind']} {HIDDEN}", text)
    return _SHAPE.sub(HIDDEN, text)


def _forms(more: Iterable[str]) -> Iterator[str]:
    """Every way in which a secret may be written."""
    secrets = [os.environ.get(name, "") for name in _VARIABLES]
    secrets += more
    for secret in secrets:
        for piece in {secret, secret.strip(), *secret.split()}:
            if len(piece) < SHORTEST:
                continue
            yield piece
            yield quote(piece, safe="")
            yield quote(piece)
            yield unquote(piece)
            yield json.dumps(piece)[1:-1]
            yield repr(piece)[1:-1]
            yield base64.b64encode(piece.encode("utf-8", "surrogateescape")).decode()
