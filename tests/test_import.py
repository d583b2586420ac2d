"""``import reasondiff`` and ``reasondiff --help`` are light; public names arrive when they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import reasondiff

HEAVY = {"torch", "diffusers", "transformers", "peft", "numpy", "av", "PIL", "huggingface_hub", "httpx", "requests"}

WITHOUT_NETWORK = """
import socket, sys
def refuse(*arguments, **options): raise AssertionError("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", WITHOUT_NETWORK + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", ["import reasondiff", "import reasondiff.cli"])
def test_importing_loads_nothing_heavy(code: str) -> None:
    loaded = set(run(f"{code}\nprint(*sys.modules)").split())
    assert not loaded & HEAVY


def test_importing_takes_less_than_a_second_and_a_half() -> None:
    # The processor's time, the interpreter's own start included: what the clock would say on an idle machine.
    assert float(run("import time, reasondiff\nprint(time.process_time())")) < 1.5


@pytest.mark.parametrize(
    "arguments", [["--help"], ["generate", "--help"], ["narrate", "edit", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    shown = run(
        f"sys.argv = ['reasondiff', *{arguments!r}]\n"
        "from reasondiff.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print('modules:', *sys.modules)"
    )
    assert "reasondiff" in shown
    assert not set(shown.partition("modules:")[2].split()) & HEAVY


def test_public_names_are_the_ones_that_have_a_home() -> None:
    assert reasondiff.__all__ == sorted(reasondiff._HOME)
    assert set(dir(reasondiff)) == {*reasondiff.__all__, "__version__"}


@pytest.mark.parametrize("name", reasondiff.__all__)
def test_public_names_exist_and_are_public_at_home(name: str) -> None:
    home = importlib.import_module(reasondiff._HOME[name])
    assert getattr(reasondiff, name) is getattr(home, name)
    assert name in home.__all__


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        reasondiff.nonsense  # noqa: B018
