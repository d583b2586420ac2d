"""What goes to a model and what comes back, whoever serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from PIL import Image

from reasondiff.errors import ProviderError

__all__ = ["Message", "Provider", "Reply", "UnavailableError", "without_system"]


class UnavailableError(ProviderError):
    """A model that can be asked nothing now, whatever the question: no connection, a wrong key, no credit."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; images come before the text."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image.Image, ...] = ()


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The conversation with its system turns at the head of the first user's turn, for models that know none."""
    told = [message.text for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    roles = [message.role for message in rest]
    if not told or "user" not in roles:
        return list(messages)
    first = roles.index("user")
    asked = rest[first]
    rest[first] = replace(asked, text="\n\n".join([*told, asked.text]))
    return rest


@dataclass(frozen=True)
class Reply:
    """A model's answer.

    Args:
        text: as it came.
        cut: it was stopped by the token limit.
        refusal: why the model or its server declined; "" if it did not.
        tokens_in: of the request; None where the server does not count.
        tokens_out: of the answer.
        details: for the record, JSON values only.
    """

    text: str
    cut: bool = False
    refusal: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """A multi-modal model behind some interface. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """``NAME:MODEL``, as in ``--narrator``."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that decides what the same request is answered with, for the cache; JSON values, no secrets."""
        ...

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer the conversation.

        Args:
            messages: in order; the last one is the user's.
            schema: JSON schema that the answer should keep to; how far it does depends on the model.
            max_tokens: at most this many tokens of answer.
            temperature: 0 for the most likely answer.
            seed: of sampling, where the model takes one.

        Raises:
            ProviderError: no answer came; ``UnavailableError`` if none would come to another question either.
        """
        ...
