"""Why a server gave no answer and what to do, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable

from reasondiff.narrator.providers.address import proxy_of
from reasondiff.narrator.providers.connection import API, Failure
from reasondiff.narrator.providers.refusals import refusal_of
from reasondiff.narrator.reading.texts import shorten
from reasondiff.secrets import KEY

__all__ = ["explain"]

MAX_MESSAGE = 300
"""Characters of a server's words that are shown."""

MOST_TOKENS = 100_000
"""Tokens that no instruction of ours with an image has: a server that counts more reads the image as text."""


def explain(
    failure: Failure,
    *,
    where: str,
    model: str,
    api: API,
    timeout: float,
    has_key: bool,
    own: bool,
    with_images: bool,
    known_models: Callable[[], list[str]],
) -> str:
    """The sentence.

    Args:
        failure: what happened.
        where: the address, as it may be shown.
        model: that was asked.
        api: the request's form.
        timeout: seconds.
        has_key: a key was sent.
        own: the server is one of the user's own.
        with_images: the request held images.
        known_models: asks the server what it has.
    """
    said = shorten(failure.message, MAX_MESSAGE)
    times = "" if failure.tries == 1 else f" (tried {failure.tries} times)"
    match failure.kind:
        case "timeout":
            return f"{where} gave no answer within {timeout:g} s{times}; try again later or raise --narrator-timeout."
        case "unreachable":
            return _unreachable(where, said, times)
        case "moved":
            return f"{where} has moved ({failure.status}); give the new address, which begins like {said!r}."
        case "foreign":
            quoted = f" (it says {shorten(said, 80)!r})" if said else ""
            return (
                f"{where} does not answer like an OpenAI-compatible server{quoted}; check that the address ends in /v1."
            )
    status = failure.status
    told = f"{status}: {said}"
    match refusal_of(status, failure.message, model):
        case "key" if not has_key:
            return f"{where} wants a key ({told}); export {KEY}."
        case "key":
            return f"{where} refuses the key in {KEY} ({told}); check the key and what it may use."
        case "account":
            return f"{where} has no credit left for this account ({told}); top it up, or ask another server."
        case "vision":
            return f"The model {model!r} at {where} takes no images ({said}); choose one with vision."
        case "model":
            known = known_models()
            fix = f"it has {', '.join(known[:8])}" if known else "check the name"
            return f"{where} has no model {model!r} ({said}); {fix}."
        case "room" | "length":
            return _too_long(where, model, said, own=own, with_images=with_images)
        case "size":
            return f"{where} finds even a small copy of the image too large ({told}); check its limits."
        case "image":
            return f"{where} does not take the image ({told}); give another one."
        case "path" if api == "responses":
            return (
                f"{where} has no Responses API (404); use --narrator-api chat, or check that the address ends in /v1."
            )
        case "path":
            return f"{where} has no such path (404); check that the address ends in /v1."
        case "passing" if status == 429:
            return f"{where} turned {failure.tries} requests away ({told}); wait, or check the account's quota."
        case "passing" if status == 500 and own:
            return (
                f"{where} failed {failure.tries} times ({told}); look into the server's log, and check that "
                f"{model!r} is a model it has."
            )
        case "passing":
            return f"{where} failed {failure.tries} times ({told}); try again later."
    return f"{where} refuses the request ({told}); check the model and its options."


def _unreachable(where: str, said: str, times: str) -> str:
    cause = f" ({said})" if said else ""
    if "CERTIFICATE" in said.upper():
        return f"{where} shows a certificate that is not trusted{cause}; let SSL_CERT_FILE name its authority's file."
    if proxy := proxy_of(where):
        return (
            f"{where} cannot be reached through the proxy {proxy}{cause}{times}; check the proxy, or name the host in "
            "NO_PROXY."
        )
    return f"{where} cannot be reached{cause}{times}; check the address and that the server runs."


def _too_long(where: str, model: str, said: str, *, own: bool, with_images: bool) -> str:
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", said)]
    if with_images and max(numbers, default=0) > MOST_TOKENS and own:
        return (
            f"{where} reads the image as text ({said}), so {model!r} takes none there; start the server with vision, "
            "such as llama.cpp's --mmproj."
        )
    fix = "use one that reads more"
    if own:
        fix += ", or let the server read more (-c, --max-model-len, num_ctx)"
    return f"{where} finds the request too long for {model!r} ({said}); {fix}."
