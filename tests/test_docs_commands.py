"""Every ``reasondiff`` command in the documents is one: its verb exists and takes the options it is given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from reasondiff.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "models").glob("*/*.md")]
STANDS_FOR_ANY = re.compile(r"VERB|\.\.\.")


@cache
def program() -> TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def commands(page: Path) -> Iterator[str]:
    """In blocks, where a line may go on with a backslash, and in the text, between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(\S+=\S* )*reasondiff ", line):
                yield line[line.index("reasondiff ") :]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", prose):
        command = " ".join(span.split())
        if command.startswith("reasondiff "):
            yield command


def words(command: str) -> list[str]:
    """What the shell would hand over, of the first program where several are chained."""
    parts = shlex.split(command, comments=True)[1:]
    end = next((n for n, part in enumerate(parts) if part in ("|", "&&", ";", ">")), len(parts))
    return parts[:end]


def fault(parts: list[str]) -> str:
    """What is wrong with a command line, if anything is."""
    command: Any = program()
    for part in parts:
        if part.startswith("-") and not re.fullmatch(r"-\d.*|-", part):
            name = part.partition("=")[0]
            taken = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
            if name not in {*taken, "--help", "-h"}:
                return f"{command.name} has no {name}"
        elif isinstance(command, TyperGroup) and part in command.commands:
            command = command.commands[part]
        elif command is program() and not STANDS_FOR_ANY.fullmatch(part):
            return f"there is no verb {part}"
        elif STANDS_FOR_ANY.fullmatch(part) and command is program():
            return ""
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_one(page: Path) -> None:
    faults = [(command, found) for command in commands(page) if (found := fault(words(command)))]
    assert faults == []


def test_the_commands_are_found_and_a_wrong_one_is_seen() -> None:
    assert sum(len(list(commands(page))) for page in PAGES) > 100
    assert fault(words("reasondiff narrate edit story.json --set 2:'A dog.' --move-anchor 3 -o other.json")) == ""
    assert fault(words("reasondiff narrate --frames 81 -o a.json")) == "narrate has no --frames"
    assert fault(words("reasondiff tell -o a.json")) == "there is no verb tell"
