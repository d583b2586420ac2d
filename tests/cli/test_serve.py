"""``reasondiff serve``, ``worker`` and ``keys``: what is refused before anything listens, and keys from a shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran

pytest.importorskip("fastapi")


def test_the_openapi_file_is_printed(reasondiff: Callable[..., Ran], tmp_path: Path) -> None:
    spec = json.loads(reasondiff("serve", "--data", tmp_path, "--openapi").out)
    assert "/v1/videos" in spec["paths"]


def test_others_are_let_in_with_a_key_only(
    reasondiff: Callable[..., Ran], refused: Callable[..., str], tmp_path: Path
) -> None:
    assert "make a key first" in refused("serve", "--data", tmp_path, "--host", "0.0.0.0")
    key = reasondiff("keys", "add", "anna", "--data", tmp_path).out.strip()
    assert key.startswith("rd-") and len(key) > 40
    assert "choose another name" in refused("keys", "add", "anna", "--data", tmp_path)
    assert reasondiff("keys", "revoke", "anna", "--data", tmp_path).code == 0
    shown = reasondiff("keys", "list", "--data", tmp_path).out
    assert shown.startswith("anna: made 20") and "revoked" in shown and key not in shown
    assert "no key named" in refused("keys", "revoke", "berta", "--data", tmp_path)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--db", "mysql://x"), "sqlite:///PATH or postgresql"),
        (("--db", "postgresql://x:word@127.0.0.1:1/none"), "The postgresql database cannot be used"),
        (("--model", "nothing"), "nothing"),
        (("--host", "203.0.113.1"), "make a key first"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(
    refused: Callable[..., str], tmp_path: Path, options: tuple[str, ...], word: str
) -> None:
    sentence = refused("serve", "--data", tmp_path, *options)
    assert word in sentence and "x:word" not in sentence


def test_a_webhook_secret_must_be_one(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REASONDIFF_WEBHOOK_SECRET", "hello")
    assert "whsec_" in refused("serve", "--data", tmp_path)


def test_the_address_that_is_taken_is_named(refused: Callable[..., str], tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be listened at" in refused("serve", "--data", tmp_path, "--port", port)
