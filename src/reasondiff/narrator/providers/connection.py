"""One request to a server and its answer, in bounded time and with the tries that help.

The official client sends the request; how long to wait and when to try again is decided here, because a time-out must
bound the whole answer, and because some servers wrap what they will never accept into a status that invites retries.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from reasondiff.errors import InputError
from reasondiff.narrator.providers.address import Address, shown_address
from reasondiff.narrator.providers.answers import body_of, error_in, message_of
from reasondiff.narrator.providers.refusals import refusal_of
from reasondiff.narrator.reading.texts import clean
from reasondiff.secrets import without_secrets

if TYPE_CHECKING:
    import openai

__all__ = ["API", "Connection", "Failure"]

API = Literal["chat", "responses"]

LONGEST_WAIT = 120.0
"""Seconds that a server may ask to be waited for."""


@dataclass(frozen=True)
class Failure:
    """Why there is no answer.

    Args:
        kind: ``refused`` with a status and words, ``timeout``, ``unreachable``, ``moved`` to another address, or
            ``foreign``: an answer that is none of this protocol.
        status: of HTTP.
        message: the server's or the library's words, without secrets.
        wait: seconds that the server asks to be waited for; None if it does not.
        tries: how often it was asked.
    """

    kind: Literal["refused", "timeout", "unreachable", "moved", "foreign"]
    status: int = 0
    message: str = ""
    wait: float | None = None
    tries: int = 1


class Connection:
    """A server at an address.

    Args:
        address: of its ``/v1``; None for OpenAI's own.
        key: "" for none.
        timeout: seconds for one whole answer.
        retries: of what failed for a passing reason. ``Retry-After`` is obeyed up to two minutes, otherwise the wait
            grows from half a second to eight, with jitter. What timed out is tried once more at most, because a server
            may still be busy with what it was asked before.

    Raises:
        InputError: the environment's proxy or certificates cannot be used.
    """

    def __init__(self, address: Address | None, key: str, timeout: float, retries: int) -> None:
        self.timeout, self.retries = timeout, retries
        self._secrets = (key, *(address.secrets if address else ()))
        problem = ""
        try:
            self._client = _client(address, key, timeout)
        except Exception as error:
            problem = self._hide(clean(str(error))) or type(error).__name__
        if problem:
            raise InputError(_environment(problem))
        self.base = str(self._client.base_url).rstrip("/")

    def close(self) -> None:
        """Give up all connections."""
        self._client.close()

    def ask(self, api: API, body: Mapping[str, Any], model: str) -> Mapping[str, Any] | Failure:
        """Send a request, as often as it helps.

        Args:
            api: the request's form.
            body: the request.
            model: its model's name, which is no part of a refusal's words.

        Returns:
            The answer's JSON object, or why there is none.
        """
        tries = 0
        while True:
            outcome = self._in_time(api, body)
            tries += 1
            if not isinstance(outcome, Failure):
                return outcome
            wait = self._wait(outcome, tries, model)
            if wait is None:
                return replace(outcome, tries=tries)
            time.sleep(wait)

    def models(self) -> list[str]:
        """Names of the server's models; [] if it does not say."""
        import openai

        try:
            listed = self._client.with_options(timeout=min(self.timeout, 10.0)).models.list()
            return [str(model.id) for model in listed.data]
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return []

    def _wait(self, failure: Failure, tries: int, model: str) -> float | None:
        """Seconds to the next try; None if none helps."""
        allowed = self.retries
        if failure.kind == "timeout":
            allowed = min(1, self.retries)
        if failure.kind in {"moved", "foreign"} or "CERTIFICATE" in failure.message.upper():
            allowed = 0
        if failure.kind == "refused" and refusal_of(failure.status, failure.message, model) != "passing":
            allowed = 0
        if tries > allowed:
            return None
        if failure.wait is not None and failure.wait <= LONGEST_WAIT:
            return failure.wait
        grown = min(8.0, 0.5 * 2 ** (tries - 1))
        return grown * (1 - 0.25 * random.random())

    def _in_time(self, api: API, body: Mapping[str, object]) -> Mapping[str, object] | Failure:
        """One try, given up after ``timeout`` seconds whatever the server sends meanwhile.

        Lines that keep a connection alive start the client's own time-out anew, so the whole runs beside a clock.
        """
        outcomes = SimpleQueue[Mapping[str, object] | Failure | BaseException]()
        begun: list[object] = []

        def run() -> None:
            try:
                outcomes.put(self._once(api, body, begun))
            except BaseException as error:
                outcomes.put(error)

        Thread(target=run, name="narrator-request", daemon=True).start()
        try:
            outcome = outcomes.get(timeout=self.timeout)
        except Empty:
            for response in begun:
                _hang_up(response)
            return Failure("timeout")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _once(self, api: API, body: Mapping[str, Any], begun: list[Any]) -> Mapping[str, Any] | Failure:
        import openai

        create: Any = (
            self._client.chat.completions if api == "chat" else self._client.responses
        ).with_streaming_response
        try:
            with create.create(**body) as response:
                begun.append(response.http_response)
                text = response.read().decode("utf-8", errors="replace")
        except openai.APIStatusError as error:
            return _moved(error.response) or self._refused(error)
        except openai.APITimeoutError:
            return Failure("timeout")
        except openai.APIConnectionError as error:
            return Failure("unreachable", message=self._hide(clean(str(error.__cause__ or error))))
        except Exception as error:  # reading the body raises the errors of whichever library the client is built on
            if type(error).__module__.partition(".")[0] not in {"httpx", "httpx2", "httpcore", "httpcore2"}:
                raise
            if "Timeout" in type(error).__name__:
                return Failure("timeout")
            return Failure("unreachable", message=self._hide(clean(str(error))))
        return self._read(text)

    def _read(self, text: str) -> Mapping[str, Any] | Failure:
        try:
            value = body_of(text)
        except (ValueError, RecursionError):
            return Failure("foreign", message=self._hide(_words(text)))
        if error := error_in(value):
            status, message = error
            return Failure("refused", status, self._hide(clean(message)))
        return value

    def _refused(self, error: openai.APIStatusError) -> Failure:
        text = error.response.text
        try:
            message = message_of(json.loads(text))
        except (ValueError, RecursionError):
            message = _words(text)
        said = self._hide(clean(message)) or error.response.reason_phrase
        return Failure("refused", error.status_code, said, _asked_wait(error.response.headers))

    def _hide(self, text: str) -> str:
        return without_secrets(text, self._secrets)


def _client(address: Address | None, key: str, timeout: float) -> openai.OpenAI:
    import openai

    # A user in the address is handed over apart from it, so that no library logs it with the address.
    http = openai.DefaultHttpxClient(auth=address.user if address else None, follow_redirects=False)
    return openai.OpenAI(
        api_key=key or "none",
        base_url=address.base if address else None,
        default_query=dict(address.query) if address and address.query else None,
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )


def _environment(problem: str) -> str:
    import os

    proxies = [name for name in os.environ if name.upper() in {"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}]
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if path and not os.path.exists(path):
            return f"{name} is {path!r}, which does not exist; correct or unset it."
    if "socks" in problem.casefold():
        return f"{' or '.join(proxies)} names a SOCKS proxy, which needs a package: pip install socksio; or unset it."
    named = f" (is it {' or '.join(proxies)}?)" if proxies else ""
    return f"The environment's proxy or certificates cannot be used: {problem}{named}; correct or unset them."


def _hang_up(response: Any) -> None:
    """Close the connection of an answer that another thread is reading."""
    try:
        stream = response.extensions["network_stream"]
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    except (AttributeError, KeyError, OSError):  # it is closed already, or of another kind: its own time-out ends it
        pass


def _moved(response: Any) -> Failure | None:
    """A redirect. None is followed: most turn the POST into a GET, and the key is meant for the address given."""
    if not 300 <= response.status_code < 400:
        return None
    return Failure("moved", response.status_code, shown_address(response.headers.get("location", "")))


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) * scale
        if value and (date := email.utils.parsedate_tz(value)):
            return max(0.0, email.utils.mktime_tz(date) - time.time())
    return None


def _words(page: str) -> str:
    """The text of a page, without its tags."""
    return clean(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page[:5000], flags=re.DOTALL | re.IGNORECASE))
