"""The servers, each as a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENT = Path(os.environ.get("REASONDIFF_PACKAGES", HERE.parents[1] / ".packages")) / "servers"
NARRATOR = HERE.parents[1] / "models" / "storyworld-tiny" / "narrator"
KEY = "sk-real-servers-1234567890"
PATIENCE = 180.0
"""Seconds; on two busy cores LiteLLM takes a minute to start."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(folder: Path, port: int, health: str, *command: object) -> Iterator[str]:
    """Run a server's command until the block ends; yields its ``/v1`` once ``health`` answers, with whatever status."""
    program = ENVIRONMENT / "bin" / str(command[0])
    if not program.exists():
        pytest.skip(f"there is no {str(program)!r}; run 'make test-packages'")
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "PYTHON"))}
    alone |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("wb") as log:
        words = [str(program), *map(str, command[1:])]
        running = subprocess.Popen(words, env=alone, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + PATIENCE
        while not answers(f"http://127.0.0.1:{port}{health}"):
            ended = running.poll() is not None
            if ended or time.monotonic() > until:
                pytest.fail(f"{program.name} did not start: {(folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def llama(folder: Path, context: int, *keys: str) -> Iterator[str]:
    """llama.cpp's server on a tiny random model that reads text only."""
    port = free_port()
    with process(folder, port, "/health", "python", HERE / "llama_server.py", folder, port, context, *keys) as url:
        yield url


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with llama(tmp_path_factory.mktemp("llama"), 16384) as url:
        yield url


@pytest.fixture(scope="session")
def locked_llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With a small context, and a key."""
    with llama(tmp_path_factory.mktemp("llama"), 512, KEY) as url:
        yield url


@pytest.fixture(scope="session")
def transformers_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """transformers' own server, on the bundled narrator."""
    port, folder = free_port(), tmp_path_factory.mktemp("serve")
    command = ("transformers", "serve", NARRATOR, "--host", "127.0.0.1", "--port", port, "--device", "cpu")
    with process(folder, port, "/health", *command) as url:
        yield url


@pytest.fixture(scope="session")
def litellm_proxy(tmp_path_factory: pytest.TempPathFactory, llama_server: str) -> Iterator[str]:
    """LiteLLM with a master key and no database, of models that are mocked, and in front of llama.cpp."""
    from tests.narrator.stories import reply

    port, folder = free_port(), tmp_path_factory.mktemp("litellm")
    mocks = {"storyteller": reply(), "limited": "litellm.RateLimitError", "thin": "litellm.ContextWindowExceededError"}
    lines = ["model_list:"]
    for name, mock in mocks.items():
        lines += [f"  - model_name: {name}", "    litellm_params:", "      model: openai/mock", "      api_key: none"]
        lines += [f"      mock_response: '{mock}'"]
    lines += ["  - model_name: llama", "    litellm_params:", "      model: openai/tiny", "      api_key: none"]
    lines += [f"      api_base: {llama_server}", "general_settings:", f"  master_key: {KEY}"]
    (folder / "litellm.yaml").write_text("\n".join(lines) + "\n")
    command = ("litellm", "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", port)
    with process(folder, port, "/health/liveliness", *command) as url:
        yield url
