"""Programs of others, each in an environment of its own, against this server.

SCHEMATHESIS names the command of that name, LITELLM_PYTHON and MCP_PYTHON interpreters that have litellm and mcp;
without them a test is skipped and says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasondiff.server.quotas import Quota
from tests.server.harness import Running, listening, png, service, working

pytestmark = pytest.mark.server

LITELLM = """
import sys, time
import litellm
url, image = sys.argv[1:]
for provider in ("openai", "hosted_vllm"):
    about = dict(api_base=url, api_key="none", custom_llm_provider=provider)
    video = litellm.video_generation(
        prompt="A cat plays.", model=f"{provider}/storyworld-tiny", input_reference=open(image, "rb"),
        extra_body={"seed": "7"}, **about,
    )
    while (now := litellm.video_status(video_id=video.id, **about)).status not in ("completed", "failed"):
        time.sleep(0.1)
    assert now.status == "completed", now
    content = litellm.video_content(video_id=video.id, **about)
    assert content.startswith(b"video"), content[:20]
    assert b'"A cat plays.", 7,' in content, content[:80]
    print(provider, "works")
"""

AGENT = """
import asyncio, base64, sys
from mcp.client.client import Client
url, image = sys.argv[1:]
picture = "data:image/png;base64," + base64.b64encode(open(image, "rb").read()).decode()

async def work(mode):
    async with Client(f"{url}/mcp", mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"narrate", "generate", "status"}, tools

        async def ask(name, **given):
            answer = await client.call_tool(name, given)
            assert not answer.is_error, answer
            return answer.structured_content

        told = await ask("narrate", image=picture, prompt="A cat plays.")
        video = await ask("generate", image=picture, prompt="A cat plays.", narrative=told["narrative"], seed=7)
        while (video := await ask("status", id=video["id"]))["status"] not in ("completed", "failed"):
            await asyncio.sleep(0.1)
        assert video["status"] == "completed" and video["url"].endswith("/content"), video
        wrong = await client.call_tool("status", {"id": "video_none"})
        assert wrong.is_error and "no such video" in wrong.content[0].text, wrong
    print(mode, "works")

for mode in ("auto", "legacy"):
    asyncio.run(work(mode))
"""

WHEEL = """
import re, subprocess, sys
import httpx2
import reasondiff
folder = sys.argv[1]
assert reasondiff.__file__.startswith(folder), reasondiff.__file__
command = [sys.executable, "-m", "reasondiff", "serve", "--port", "0", "--workers", "0", "--data", f"{folder}/data"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
url = re.search(r"http://\\S+:[0-9]+", server.stdout.readline())[0]
print(httpx2.get(url + "/v1/models").json()["data"][0]["id"], httpx2.get(url + "/healthz").text)
page = httpx2.get(url + "/")
assert page.headers["content-type"].startswith("text/html"), page.headers
assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
assert assets and all(httpx2.get(httpx2.URL(url).join(each)).status_code == 200 for each in assets), assets
print("studio", httpx2.get(url + "/openapi.json").status_code)
server.terminate()
assert server.wait() == 143  # 128 and the signal's number
"""


@pytest.fixture
def generous(tmp_path: Path) -> Iterator[Running]:
    """A server that takes whatever a fuzzer asks for."""
    parts = service(tmp_path, quota=Quota(queued=None))
    with listening(parts) as url, working(parts, tmp_path):
        yield Running(url, parts, tmp_path)
    parts.queue.database.close()


def test_schemathesis_finds_nothing(generous: Running) -> None:
    if (command := os.environ.get("SCHEMATHESIS")) is None:
        pytest.skip("SCHEMATHESIS names no command")
    key = generous.parts.keys.add("schemathesis")
    run = [
        command, "run", f"{generous.url}/openapi.json", "--seed", "1", "--max-examples", "25",
        "--request-timeout", "20",
        "--header", f"Authorization: Bearer {key}", "--exclude-path-regex", "/events$|/narratives$",
        "--exclude-checks", "positive_data_acceptance,unsupported_method", "--generation-database", "none",
    ]  # fmt: skip
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    print(done.stdout[-6000:], done.stderr[-2000:])
    assert done.returncode == 0


def test_litellm_makes_and_fetches_a_video(generous: Running, tmp_path: Path) -> None:
    if (python := os.environ.get("LITELLM_PYTHON")) is None:
        pytest.skip("LITELLM_PYTHON names no interpreter")
    image = tmp_path / "image.png"
    image.write_bytes(png())
    offline = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"}
    given = [python, "-c", LITELLM, f"{generous.url}/v1", str(image)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env=offline)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:2] == ["openai works", "hosted_vllm works"]


def test_an_agent_tells_a_story_and_makes_a_video(generous: Running, tmp_path: Path) -> None:
    """Through the client of the Model Context Protocol's own package, which first looks for its newest version."""
    if (python := os.environ.get("MCP_PYTHON")) is None:
        pytest.skip("MCP_PYTHON names no interpreter")
    image = tmp_path / "image.png"
    image.write_bytes(png())
    given = [python, "-c", AGENT, generous.url, str(image)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env={**os.environ, "NO_PROXY": "*"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:2] == ["auto works", "legacy works"]


def test_a_wheel_serves_in_a_fresh_environment(tmp_path: Path) -> None:
    """Built from a clone, without Node; its libraries are those that are installed here."""
    tree, clone = Path(__file__).parents[2], tmp_path / "clone"
    if subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{tree}", clone], check=False).returncode:
        pytest.skip("this tree is no git repository")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, clone]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"no wheel can be built here: {built.stderr[-200:]}")
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(f"{next(Path(sys.prefix).glob('lib/python*/site-packages'))}\n")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given = [python, "-c", WHEEL, str(tmp_path)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env=clean, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["storyworld-tiny", "ok", "studio", "200"]
