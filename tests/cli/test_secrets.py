"""No key in anything that a command prints, writes, or draws, whatever the server does with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image, ImageDraw

from tests.cli.conftest import Ran
from tests.cli.test_generate import given
from tests.narrator.providers.misbehaving_server import Request, Say, Server
from tests.narrator.providers.test_secrets import ANSWERS, echo
from tests.narrator.stories import reply

KEYS = ["sk-proj-Ab12Cd34Ef56", 'p@ss/w:rd+"9Zx"%&=', "ünlikely"[1:] + "-key-9Zx"]


def told(request: Request) -> Say:
    """A story of the tiny model's frames that repeats all it was sent, wherever text may stand."""
    schema = request.body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    if not schema:  # for a caption
        return Say(f"A vase stands. {echo(request)}")
    if set(schema.get("properties", ())) == {"description"}:
        return Say(json.dumps({"description": echo(request)}))
    clips = [{"end": 4, "description": f"A vase. {echo(request)}"}, {"end": 9, "description": "It breaks."}]
    return Say(reply(position=99, clips=clips, style=echo(request), reasoning=echo(request), image=echo(request)))


SERVERS: dict[str, Callable[[Request], Say]] = ANSWERS | {"a story": told}
SOME = ("refused", "status 200", "a story", "no story")
RUNS = [("narrate", kind) for kind in SERVERS] + [
    (verb, kind) for verb in ("batch", "caption", "redo") for kind in SOME
]
RUNS += [(verb, kind) for verb in ("generate", "cases") for kind in ("a story", "refused")]
RUNS += [pytest.param("evaluate", kind, marks=pytest.mark.slow) for kind in ("a story", "refused")]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is drawn on a picture."""
    texts: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def noted(self: ImageDraw.ImageDraw, place: object, text: str, *arguments: object, **options: object) -> None:
        texts.append(text)
        draw(self, place, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noted)
    return texts


def arguments(verb: str, url: str, model: Path) -> list[object]:
    asked = ("--narrator", "openai:m", "--narrator-url", url)
    image = ("--image", "vase.png", "--prompt", "A cat plays.")
    match verb:
        case "narrate":
            return ["narrate", *image, *asked, "--num-frames", 9, "-o", "told.json", "--no-cache"]
        case "batch":
            Path("rows.csv").write_text("image,prompt\nvase.png,A cat plays.\n")
            return ["narrate", "--batch", "rows.csv", *asked, "--num-frames", 9, "-o", "rows.jsonl", "--no-cache"]
        case "caption":
            return ["caption", "vase.png", *asked, "-o", "captions.jsonl"]
        case "redo":
            return ["narrate", "edit", "story.json", "--image", "vase.png", "--redo", 1, *asked, "-o", "other.json"]
        case "generate":
            return [*(each for each in given(model, output="made.mp4", narrative=None) if each), *asked]
        case "cases":
            Path("cases").mkdir()
            Path("cases", "prompts.csv").write_text("image,prompt\n../vase.png,A cat plays.\n")
            return ["cases", "cases", "-o", "made", "--model", model, *asked]
    return ["evaluate", "-o", "made", "--cases", 1, "--method", "reasondiff", *asked]


def written(folder: Path) -> Iterator[str]:
    """All that lies below a folder, as text."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes().decode("utf-8", errors="replace")
            yield file.name
            if file.suffix == ".png":
                with Image.open(file) as picture:
                    yield json.dumps({name: str(value) for name, value in picture.info.items()}, ensure_ascii=False)


@pytest.mark.parametrize(("verb", "kind"), RUNS)
def test_no_key_is_printed_written_or_drawn(
    reasondiff: Callable[..., Ran], server: Server, here: Path, model: Path, drawn: list[str],
    monkeypatch: pytest.MonkeyPatch, verb: str, kind: str,
) -> None:  # fmt: skip
    key = KEYS[len(verb + kind) % len(KEYS)]
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("REASONDIFF_CACHE", str(here / "cache"))
    server.answer = SERVERS[kind]
    ran = reasondiff(*arguments(verb, server.url, model))
    assert server.requests and server.requests[0].headers["authorization"] == f"Bearer {key}"
    assert kind != "a story" or ran.code == 0, ran
    shown = "\n".join([ran.out, ran.err, *drawn, *written(here)])
    for form in (key, quote(key, safe=""), json.dumps(key)[1:-1], json.dumps(json.dumps(key)[1:-1])[1:-1]):
        assert form not in shown


PLACES = [
    ("narrate", "http://user:hunter2hunter2@host/v1"),
    ("narrate", "--image", "vase.png", "--prompt", "A", "--narrator-url", "htps://user:hunter2hunter2@host/v1"),
    ("caption", "https://user:hunter2hunter2@host/v1"),
    ("generate", "--image", "http://user:hunter2hunter2@host/a.png", "--prompt", "A", "-o", "a.mp4"),
    ("generate", "--image", "vase.png", "--prompt", "A", "-o", "a.mp4", "--model", "https://u:hunter2hunter2@h/m"),
    ("generate", "--image", "vase.png", "--prompt", "A", "-o", "a.mp4", "--adapter", "https://u:hunter2hunter2@h/m"),
    ("generate", "--image", "vase.png", "--prompt", "A", "-o", "a.mp4", "--narrator", "https://u:hunter2hunter2@h"),
]


@pytest.mark.parametrize("words", PLACES)
def test_an_address_in_the_wrong_place_is_not_shown_with_its_password(
    reasondiff: Callable[..., Ran], here: Path, words: tuple[str, ...]
) -> None:
    ran = reasondiff(*words)
    assert ran.code == 2 and "hunter2" not in ran.out + ran.err, ran


def test_a_traceback_shows_none_either(here: Path) -> None:
    code = "import sys; sys.argv[1:1] = ['--debug']; from reasondiff.cli import main; main()"
    command = [sys.executable, "-c", code, *PLACES[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "Traceback" in done.stderr and "hunter2" not in done.stdout + done.stderr
