"""Webhooks: signed so that OpenAI's client believes them, sent until they arrive, and only to where they may go."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

from reasondiff.errors import InputError
from reasondiff.server import webhooks
from reasondiff.server.webhooks import Sender, check_url, public_address, secret_bytes
from tests.server.harness import Running, listening, png, service, working

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], str]]]]:
    """Answers with each status in turn, and with the last one from then on."""
    got: list[tuple[dict[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(statuses[min(len(got), len(statuses) - 1)])
            self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            got.append((dict(self.headers), body))

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?x=1", got
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Running]:
    parts = service(tmp_path, webhook_secret=SECRET, webhook_hosts=frozenset({"127.0.0.1"}))
    with listening(parts) as url:
        yield Running(url, parts, tmp_path)
    parts.queue.database.close()


def test_a_message_is_believed_and_sent_until_it_arrives(telling: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "FIRST_WAIT", 0.0)
    sender = Sender(telling.parts.queue.database, SECRET, telling.parts.webhook_hosts)
    with receiver(500, 302, 503, 404, 500, 204) as (url, got):
        ids = [telling.ask(prompt, webhook_url=url)["id"] for prompt in ("A cat.", "fail")]
        for video in ids:
            telling.parts.queue.cancel(video, "local") if video == ids[1] else None
        with working(telling.parts, telling.folder):
            while telling.parts.queue.counts().get(("video", "completed")) is None:
                pass
        arrived = [sender.send_due(1) for _ in range(7)]
        assert arrived == [0, 0, 0, 0, 0, 1, 1] and sender.send_due() == 0
    headers, body = got[-1]
    client = openai.OpenAI(api_key="none", webhook_secret=SECRET)
    client.webhooks.verify_signature(body, {name.lower(): value for name, value in headers.items()})
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(body + " ", {name.lower(): value for name, value in headers.items()})
    told = [json.loads(each) for _, each in got]
    assert {(each["type"], each["data"]["id"]) for each in told} == {
        ("video.failed", ids[1]),
        ("video.completed", ids[0]),
    }
    assert len({sent["webhook-id"] for sent, _ in got}) == 2  # the same message keeps its id


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest",
        "https://10.1.2.3/", "https://192.168.1.1/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/",
        "https://224.0.0.1/", "https://user:word@example.com/", "https://", "ftp://example.com/", "file:///etc/passwd",
        "https://exa mple.com/", "https://[::1", "https://example.com:99999/",
    ],
)  # fmt: skip
def test_places_that_a_server_must_not_be_sent_to(url: str) -> None:
    with pytest.raises(InputError):
        check_url(url, frozenset())


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    check_url("https://rebinding.example/hook", frozenset())
    addresses = ["93.184.216.34", "10.0.0.1"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(InputError, match="not public"):
        public_address("rebinding.example", 443, frozenset())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1])
    assert public_address("rebinding.example", 443, frozenset()) == "93.184.216.34"


def test_a_webhook_that_may_not_be_told_is_refused(telling: Running) -> None:
    with telling.http() as http:
        data = {"prompt": "A cat.", "webhook_url": "https://169.254.169.254/"}
        answer = http.post("/v1/videos", data=data, files={"input_reference": png()})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "webhook_url"


def test_a_secret_that_is_none_is_refused() -> None:
    for secret in ("whsec_", "whsec_%%%", "abc", "whsec_YWJj"):
        with pytest.raises(InputError):
            secret_bytes(secret)
