"""Any OpenAI-compatible server, through the official client.

Chat Completions by default, Responses as an option. The key comes from the environment only; it is never printed,
recorded, or part of a cache key.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from PIL import Image

from reasondiff.errors import InputError, ProviderError
from reasondiff.narrator.asking.schema import has_shape
from reasondiff.narrator.providers.address import read_address
from reasondiff.narrator.providers.answers import chat_reply, responses_reply
from reasondiff.narrator.providers.base import Message, Reply, UnavailableError
from reasondiff.narrator.providers.capabilities import Capabilities, Limit
from reasondiff.narrator.providers.connection import API, Connection, Failure
from reasondiff.narrator.providers.explanations import explain
from reasondiff.narrator.providers.images import size_within
from reasondiff.narrator.providers.refusals import refusal_of
from reasondiff.narrator.providers.requests import Question, chat_request, responses_request
from reasondiff.secrets import KEY, read_key, without_secrets

__all__ = ["Server"]

PAPERS = "gpt-4o"
"""The paper's narrator, which is asked unless another model is named."""

_OF_THE_QUESTION = {"final", "image", "length", "request", "room", "schema", "size", "stream", "system"}
"""Refusals that another question might not meet."""


@dataclass
class Server:
    """A model behind an OpenAI-compatible server: OpenAI, vLLM, Ollama, LM Studio, llama.cpp, SGLang.

    Args:
        model: as the server names it; None for the only one of a server at ``url``, else gpt-4o.
        url: of its ``/v1``; None for ``OPENAI_BASE_URL``, else OpenAI's own.
        api: ``chat`` (Chat Completions) or ``responses``.
        timeout: seconds for one whole answer.
        retries: of requests that failed for a passing reason (429, 5xx, a lost connection); see ``Connection``.

    Raises:
        InputError: no key, an address that is none, or the ``openai`` package is not installed.
    """

    model: str | None = None
    url: str | None = field(default=None, repr=False)
    api: API = "chat"
    timeout: float = 120.0
    retries: int = 4
    _capabilities: Capabilities = field(init=False, repr=False)
    _connection: Connection = field(init=False, repr=False)
    _only_model: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        if find_spec("openai") is None:
            raise InputError(
                "The narrator 'openai' needs the openai package; install it with pip install 'reasondiff[openai]'."
            )
        if self.api not in {"chat", "responses"}:
            raise InputError(f"The API {self.api!r} is unknown; give 'chat' or 'responses'.")
        if not 0 < self.timeout < float("inf"):
            raise InputError(f"A time-out of {self.timeout:g} s does not work; give a number of seconds above 0.")
        url = self.url if self.url is not None else os.environ.get("OPENAI_BASE_URL") or None
        address = read_address(url) if url is not None else None
        self._key = read_key()
        self._own = address is not None
        if not self._key and address is None:
            raise InputError(
                f"{KEY} is not set, so {self.model or PAPERS} cannot be asked; export a key, give --narrator-url for a "
                "server of your own, or use --narrator transformers:PATH."
            )
        self._secrets = address.secrets if address else ()
        limit: Limit = "max_tokens" if address else "max_completion_tokens"
        self._capabilities = Capabilities(limit="max_output_tokens" if self.api == "responses" else limit)
        self._connection = Connection(address, self._key, self.timeout, self.retries)
        weakref.finalize(self, self._connection.close)

    @property
    def name(self) -> str:
        return f"openai:{self._asked_model()}"

    @property
    def address(self) -> str:
        """Where requests go, without a user name or password."""
        return self._connection.base

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"name": self.name, "url": self.address, "api": self.api}

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer the conversation; see ``Provider``. The form that worked is kept for the next request."""
        model = self._asked_model()
        question = Question(model, messages, schema, max_tokens, temperature, seed)
        capabilities = self._capabilities
        while True:
            outcome = self._ask(question, capabilities)
            if isinstance(outcome, Reply):
                break
            refusal = refusal_of(outcome.status, outcome.message, model) if outcome.kind == "refused" else "path"
            if refusal == "declined":
                return Reply("", refusal=outcome.message or "the server's policy")
            asked = capabilities.budget(max_tokens)
            side = min(question.side, capabilities.side)
            easier = capabilities.simpler(refusal, outcome.message, asked=asked, side=side, model=model)
            if easier is None:
                kind = ProviderError if refusal in _OF_THE_QUESTION else UnavailableError
                raise kind(self._explain(outcome, question, model))
            capabilities = easier
        reply = outcome
        kept = schema is None or _may_keep(reply, schema)
        self._remember(question, capabilities if kept else capabilities.not_kept())
        structure = capabilities.structure if schema else "text"
        recorded = structure if kept else f"{structure}, not kept"
        images = [image for message in messages for image in message.images]
        return replace(reply, details={**reply.details, "structure": recorded, **_resized(images, capabilities.side)})

    def _ask(self, question: Question, capabilities: Capabilities) -> Reply | Failure:
        write, read = (chat_request, chat_reply) if self.api == "chat" else (responses_request, responses_reply)
        answer = self._connection.ask(self.api, write(question, capabilities), question.model)
        if isinstance(answer, Failure):
            return answer
        try:
            reply = read(answer)
        except ValueError:
            return Failure("foreign")
        return replace(
            reply,
            text=self._hide(reply.text),
            refusal=self._hide(reply.refusal),
            details={key: self._hide(value) for key, value in reply.details.items()},
        )

    def _remember(self, question: Question, learnt: Capabilities) -> None:
        if question.schema is None:  # a request without one teaches nothing about schemas
            known = self._capabilities
            learnt = replace(learnt, structure=known.structure, ignored=known.ignored)
        if question.asked_again:  # it is longer than a first question, so it leaves less room
            learnt = replace(learnt, room=self._capabilities.room)
        self._capabilities = learnt

    def _asked_model(self) -> str:
        """The model's name; of a server of one's own that has only one model, that one's."""
        if self.model:
            return self.model
        if not self._own:
            return PAPERS
        if not self._only_model:
            known = self._connection.models()
            if len(known) > 1 and PAPERS not in known:
                raise InputError(
                    f"{self.address} has {len(known)} models, and none is named; write --narrator openai:NAME with one "
                    f"of {', '.join(known[:8])}."
                )
            self._only_model = known[0] if len(known) == 1 else PAPERS
        return self._only_model

    def _explain(self, failure: Failure, question: Question, model: str) -> str:
        sentence = explain(
            failure, where=self.address, model=model, api=self.api, timeout=self.timeout, has_key=bool(self._key),
            own=self._own, with_images=question.side > 0, known_models=self._connection.models,
        )  # fmt: skip
        return self._hide(sentence)

    def _hide(self, text: str) -> str:
        return without_secrets(text, self._secrets)


def _may_keep(reply: Reply, schema: Mapping[str, object]) -> bool:
    """The reply may have been written under ``schema``.

    Only a whole reply tells: one that breaks the shape it was asked in shows that nothing is enforced.
    """
    whole = not (reply.cut or reply.refusal) and bool(reply.text.strip())
    return not whole or has_shape(reply.text, schema)


def _resized(images: Sequence[Image.Image], side: int) -> dict[str, object]:
    """That images were made smaller, for the record."""
    if all(max(image.size) <= side for image in images):
        return {}
    sent = [list(size_within(image.size, side)) for image in images]
    return {"image_sizes": [list(image.size) for image in images], "sent_sizes": sent}
