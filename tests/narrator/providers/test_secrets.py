"""No key, and no user of an address, in anything that is printed, recorded or raised, whatever their shape."""

from __future__ import annotations

import base64
import json
import logging
import string
import traceback
import warnings
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from reasondiff.errors import InputError, ReasonDiffError
from reasondiff.narrator import load_narrator
from reasondiff.narrator.providers.address import read_address, shown_address
from reasondiff.secrets import without_secrets
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.stories import reply

SOON = {"retry-after-ms": "1"}
KEYS = st.text(string.ascii_letters + string.digits + "-_.+/=!%&*:;~^|(){}[]<>?,\\$", min_size=8, max_size=60)
PASSWORDS = st.text(string.printable.strip(), min_size=8, max_size=30)
# Hypothesis tries the words of our own source: each gets an end that stands in none of our sentences.
KEYS, PASSWORDS = (shapes.map(lambda text: f"{text}9Zx") for shapes in (KEYS, PASSWORDS))
MANY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def echo(request: Request) -> str:
    """All that a careless server knows of its client."""
    sent = request.headers.get("authorization", "")
    plain = base64.b64decode(sent.split()[-1]).decode() if sent.startswith("Basic") else sent.partition(" ")[2]
    return f"You sent {sent} that is {plain} or {quote(plain)} or {json.dumps(plain)}."


ANSWERS = {
    "refused": lambda request: Say(status=400, error=echo(request)),
    "wrong key": lambda request: Say(status=401, error=echo(request)),
    "busy": lambda request: Say(status=429, error=echo(request), headers=SOON),
    "broken": lambda request: Say(status=500, error=echo(request), headers=SOON),
    "no model": lambda request: Say(status=404, error=f"The model does not exist. {echo(request)}"),
    "a page": lambda request: Say(body=f"<html>{echo(request)}</html>".encode(), content_type="text/html"),
    "status 200": lambda request: Say(answer={"error": {"code": 400, "message": echo(request)}}),
    "a refusal": lambda request: Say(refusal=echo(request)),
    "a story": lambda request: Say(f"{echo(request)} {reply(style=echo(request))}"),
    "no story": lambda request: Say(echo(request)),
    "moved": lambda request: Say(status=301, headers={"location": "/v1/x?" + quote(echo(request))}),
}  # fmt: skip


def told(server: Server, image: Image.Image, url: str) -> str:
    """Everything that can be seen of one narration."""
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    root, handler = logging.getLogger(), Handler(logging.DEBUG)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            narrator = load_narrator("openai:m", url=url, cache=False, retries=1, reasks=0)
            seen += [repr(narrator), json.dumps(dict(narrator.provider.identity))]
            story = narrator.narrate(image, "A cat", num_frames=33, interval=0.2)
            seen.append(json.dumps(story.to_dict(), ensure_ascii=False))
        seen += [str(each.message) for each in warned]
    except ReasonDiffError as error:
        while error is not None:
            seen += [str(error), repr(error), str(vars(error)), "".join(traceback.format_exception_only(error))]
            error = error.__cause__ or error.__context__
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return "\n".join(seen)


@pytest.mark.parametrize("kind", ANSWERS)
@MANY
@given(key=KEYS)
@example(key="sk-secret-1234")
@example(key='a"quoted"key')
def test_no_key_is_shown(
    server: Server, image: Image.Image, monkeypatch: pytest.MonkeyPatch, kind: str, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.answer = ANSWERS[kind]
    shown = told(server, image, server.url)
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1]):
        assert form not in shown


@pytest.mark.parametrize("kind", ["refused", "busy", "a story", "no story", "status 200"])
@MANY
@given(password=PASSWORDS)
def test_no_user_of_an_address_is_shown(server: Server, image: Image.Image, kind: str, password: str) -> None:
    server.answer = ANSWERS[kind]
    user = f"narrator-user:{quote(password, safe='')}@"
    shown = told(server, image, server.url.replace("http://", f"http://{user}"))
    assert "narrator-user" not in shown and password not in shown and quote(password, safe="") not in shown


@MANY
@given(password=PASSWORDS, scheme=st.sampled_from(["http://", "https://", "htps://", "http:/", "http//", "", "ftp://"]))
@example(password="p/w@more?x#y", scheme="http://")
def test_a_mistyped_address_is_refused_without_its_user(password: str, scheme: str) -> None:
    url = f"{scheme}narrator-user:{password}@host.example/v1"
    try:
        address = read_address(url)
    except InputError as error:
        said = str(error)
    else:
        said = f"{address} {address.base}"
    assert "narrator-user" not in said and password not in said
    assert password not in shown_address(url)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("sk-aaaa\nsk-bbbb", "a space or a line break"),
        ("sk-aaaa sk-bbbb", "a space or a line break"),
        ("\u201csk-aaaa\u201d", "a character that no key has, such as a typographic quotation mark"),
        ("sk-aaaä", "a character that no key has"),
        ("sk-aa\x7faa", "a character that no key has"),
        ('"sk-aaaa"', "quotation marks that belong to the shell"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused_before_anything_is_and_not_quoted(
    server: Server, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError, match=f"OPENAI_API_KEY holds {words}") as caught:
        load_narrator("openai:m", url=server.url)
    assert not server.requests and "sk-" not in str(caught.value)


def test_a_key_with_a_line_break_at_its_end_is_a_key(
    server: Server, image: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1234\r\n")
    server.answer = Say(reply())
    load_narrator("openai:m", url=server.url, cache=False).narrate(image, "A cat", num_frames=33, interval=0.2)
    assert server.requests[0].headers["authorization"] == "Bearer sk-secret-1234"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://user:pw@host/v1 for more", "see http://host/v1 for more"),
        ("htps://user:p@w@host/v1", "htps://host/v1"),
        ("user:pw@host:80", "host:80"),
        ("Incorrect API key provided: sk-abcd**********1234.", "Incorrect API key provided: ...."),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ..."),
        ("A cat: at 3:40 it jumps @home, a task-force of sky-blue birds.",
         "A cat: at 3:40 it jumps @home, a task-force of sky-blue birds."),
        ("mail cat@example.com", "mail cat@example.com"),
    ],
)  # fmt: skip
def test_what_is_hidden_and_what_is_not(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
