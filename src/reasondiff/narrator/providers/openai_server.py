"""Any OpenAI-compatible server, through the official client.

Chat Completions by default, Responses as an option. The key comes from the environment only; it is never printed,
recorded, or part of a cache key.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from PIL import Image

from reasondiff.errors import InputError, ProviderError
from reasondiff.narrator.providers.base import Message, Reply
from reasondiff.narrator.providers.capabilities import Dialect, Limit
from reasondiff.narrator.providers.images import size_within
from reasondiff.narrator.providers.refusals import objection
from reasondiff.narrator.providers.requests import (
    Question,
    chat_reply,
    chat_request,
    responses_reply,
    responses_request,
)
from reasondiff.narrator.reading.texts import clean, shorten

if TYPE_CHECKING:
    import openai

__all__ = ["Server"]

KEY = "OPENAI_API_KEY"


@dataclass
class Server:
    """A model behind an OpenAI-compatible server: OpenAI, vLLM, Ollama, LM Studio, llama.cpp, SGLang.

    Args:
        model: as the server names it.
        url: of its ``/v1``; None for OpenAI's own.
        api: ``chat`` (Chat Completions) or ``responses``.
        timeout: seconds to wait for one answer.
        retries: of requests that failed for a passing reason (429, 5xx, a lost connection): ``Retry-After`` is
            obeyed up to two minutes, otherwise the wait grows from half a second to eight, with jitter.

    Raises:
        InputError: no key, an address that is none, or the ``openai`` package is not installed.
    """

    model: str = "gpt-4o"
    url: str | None = field(default=None, repr=False)
    api: Literal["chat", "responses"] = "chat"
    timeout: float = 120.0
    retries: int = 4
    _dialect: Dialect = field(init=False, repr=False)
    _client: openai.OpenAI = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            import openai
        except ImportError:
            raise InputError(
                "The narrator 'openai' needs the openai package; install it with pip install 'reasondiff[openai]'."
            ) from None
        if self.api not in {"chat", "responses"}:
            raise InputError(f"The API {self.api!r} is unknown; give 'chat' or 'responses'.")
        if self.url is not None and not _is_address(self.url):
            raise InputError(f"The narrator URL {self.url!r} is no address; give one such as http://localhost:8000/v1.")
        key = os.environ.get(KEY, "").strip()
        if not key and self.url is None:
            raise InputError(
                f"{KEY} is not set, so {self.model} cannot be asked; export a key, give --narrator-url for a server of "
                "your own, or use --narrator transformers:PATH."
            )
        own: Limit = "max_tokens" if self.url else "max_completion_tokens"
        self._dialect = Dialect(limit="max_output_tokens" if self.api == "responses" else own)
        self._client = openai.OpenAI(
            api_key=key or "none", base_url=self.url, timeout=self.timeout, max_retries=self.retries
        )
        weakref.finalize(self, self._client.close)

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    @property
    def address(self) -> str:
        """Where requests go, without a user name or password."""
        parts = urlsplit(str(self._client.base_url))
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))

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
        """Answer the conversation; see ``Provider``. The dialect that worked is kept for the next request."""
        import openai

        question = Question(self.model, messages, schema, max_tokens, temperature, seed)
        dialect = self._dialect
        while True:
            try:
                reply = self._ask(question, dialect)
            except openai.APIStatusError as error:
                said = _said(error)
                easier = dialect.simpler(objection(error.status_code, said, self.model), said)
                if easier is None:
                    raise ProviderError(self._explain(error)) from None
                dialect = easier
            except (openai.OpenAIError, ValueError) as error:  # ValueError: the body is not what it says it is
                raise ProviderError(self._explain(error)) from None
            else:
                break
        # A request without a schema teaches nothing about schemas.
        self._dialect = dialect if schema is not None else replace(dialect, structure=self._dialect.structure)
        images = [image for message in messages for image in message.images]
        structure = dialect.structure if schema else "text"
        return replace(reply, details={**reply.details, "structure": structure, **_resized(images, dialect.side)})

    def _ask(self, question: Question, dialect: Dialect) -> Reply:
        if self.api == "chat":
            return chat_reply(self._client.chat.completions.create(**chat_request(question, dialect)))
        return responses_reply(self._client.responses.create(**responses_request(question, dialect)))

    def _explain(self, error: Exception) -> str:
        """What went wrong and what to do, in one sentence, without the key."""
        import openai

        where, model = self.address, self.model
        said = self._without_key(shorten(_said(error), 300))
        if isinstance(error, openai.APITimeoutError):
            return f"{where} gave no answer within {self.timeout:g} s; try again later or raise --narrator-timeout."
        if isinstance(error, openai.APIConnectionError):
            cause = f" ({clean(str(error.__cause__))})" if error.__cause__ else ""
            return f"{where} cannot be reached{cause}; check the address and that the server runs."
        if not isinstance(error, openai.APIStatusError):
            return f"{where} does not answer like an OpenAI-compatible server; check that the address ends in /v1."
        status = error.status_code
        match objection(status, _said(error), model):
            case "key":
                return f"{where} refuses the key in {KEY} ({status}: {said}); check the key and what it may use."
            case "vision":
                return f"The model {model!r} at {where} takes no images ({said}); choose one with vision."
            case "model":
                return f"{where} has no model {model!r} ({said}); {self._known_models()}"
            case "room" | "length":
                return f"{where} finds the request too long for {model!r} ({said}); use one that reads more."
            case "size":
                return f"{where} finds even a small copy of the image too large ({status}: {said}); check its limits."
            case "passing" if status == 429:
                tries = self.retries + 1
                return f"{where} turned {tries} requests away (429: {said}); wait, or check the account's quota."
            case "passing":
                return f"{where} failed {self.retries + 1} times ({status}: {said}); try again later."
        if status == 404:
            return f"{where} has no such path (404); check that the address ends in /v1."
        return f"{where} refuses the request ({status}: {said}); check the model and its options."

    def _known_models(self) -> str:
        import openai

        try:
            names = [str(model.id) for model in self._client.with_options(max_retries=0).models.list().data]
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            names = []
        return f"it has {', '.join(names[:8])}." if names else "check the name."

    def _without_key(self, text: str) -> str:
        key = self._client.api_key
        return text.replace(key, "...") if len(key) > 4 else text


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _said(error: Exception) -> str:
    """The server's own words."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body
    return clean(str(body if body is not None else error))


def _resized(images: Sequence[Image.Image], side: int) -> dict[str, Any]:
    """That images were made smaller, for the record."""
    if all(max(image.size) <= side for image in images):
        return {}
    sent = [list(size_within(image.size, side)) for image in images]
    return {"image_sizes": [list(image.size) for image in images], "sent_sizes": sent}
