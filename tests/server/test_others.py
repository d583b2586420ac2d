"""Programs of others, each in an environment of its own, against this server.

``make test-server`` makes the environments. SCHEMATHESIS names the command of that name; LITELLM_PYTHON, MCP_PYTHON,
OPENAI_2_PYTHON and S3_PYTHON interpreters that have litellm, mcp, openai 2 and moto with s3fs; OPENAI_NODE a folder
with npm's openai. Without them a test is skipped and says so.
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

OPENAI = """
import sys, warnings
import openai
warnings.simplefilter("ignore")
url, image = sys.argv[1:]
client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
video = client.videos.create_and_poll(prompt="A cat plays.", input_reference=open(image, "rb"))
assert video.status == "completed", video
assert client.videos.download_content(video.id).content.startswith(b"video")
failed = client.videos.create_and_poll(prompt="fail", input_reference=open(image, "rb"))
assert failed.status == "failed" and failed.error.code == "invalid_input", failed
assert client.videos.poll(client.videos.remix(video.id, prompt="A dog.").id).status == "completed"
assert [each.id for each in client.videos.list(limit=1)][-1] == video.id
assert client.videos.delete(video.id).deleted
try:
    client.videos.retrieve(video.id)
except openai.NotFoundError as error:
    print(openai.__version__.split(".")[0], error.code)
"""

OPENAI_NODE = """
import { createReadStream } from "node:fs";
import OpenAI from "openai";
const [url, image] = process.argv.slice(-2);
const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
let video = await client.videos.create({ prompt: "A cat plays.", input_reference: createReadStream(image) });
while (!["completed", "failed"].includes(video.status)) {
  await new Promise((later) => setTimeout(later, 100));
  video = await client.videos.retrieve(video.id);
}
const bytes = Buffer.from(await (await client.videos.downloadContent(video.id)).arrayBuffer());
const listed = [];
for await (const each of client.videos.list({ limit: 1 })) listed.push(each.id);
console.log(video.status, bytes.subarray(0, 5).toString(), listed.length);
await client.videos.delete(video.id);
await client.videos.retrieve(video.id).catch((error) => console.log(error.status, error.code));
"""

BUCKET = """
import os, sys, tempfile
from dataclasses import replace
from pathlib import Path
import boto3
from moto.server import ThreadedMotoServer
from reasondiff.server.keeper import sweep
from reasondiff.server.storage import Storage
from tests.server.harness import Running, listening, png, service, working

bucket = ThreadedMotoServer(port=0, verbose=False)
bucket.start()
host, port = bucket.get_host_and_port()
os.environ |= dict(
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b",
    AWS_DEFAULT_REGION="us-east-1",
)
boto3.client("s3").create_bucket(Bucket="videos")
folder = Path(tempfile.mkdtemp())
parts = replace(service(folder), storage=Storage("s3://videos/kept"))
with listening(parts) as url, working(parts, folder):
    running = Running(url, parts, folder)
    client = running.openai()
    video = client.videos.create_and_poll(prompt="A cat.", input_reference=("x", png()))
    assert video.status == "completed", video
    for variant in ("video", "thumbnail", "spritesheet"):
        assert client.videos.download_content(video.id, variant=variant).content.startswith(variant.encode())
    again = client.videos.remix(video.id, prompt="A dog.")  # reads the image from there
    assert client.videos.poll(again.id).status == "completed"
    client.videos.delete(video.id)
    assert set(parts.storage.folders()) == {again.id}, parts.storage.folders()
    parts.storage.put(f"video_{'0' * 32}/input.png", b"x")
    assert sweep(parts) == [] and sweep(parts, age=-60) == [f"video_{'0' * 32}"]
keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="videos")["Contents"]]
assert keys and all(key.startswith(f"kept/{again.id}/") for key in keys), keys
print("a bucket works")
bucket.stop()
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
        "--header", f"Authorization: Bearer {key}", "--exclude-path-regex", "/events$",
        "--exclude-checks", "positive_data_acceptance", "--generation-database", "none",
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


def test_an_older_openai_client_makes_fetches_and_deletes_a_video(generous: Running, tmp_path: Path) -> None:
    if (python := os.environ.get("OPENAI_2_PYTHON")) is None:
        pytest.skip("OPENAI_2_PYTHON names no interpreter")
    image = tmp_path / "image.png"
    image.write_bytes(png())
    given = [python, "-c", OPENAI, f"{generous.url}/v1", str(image)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env={**os.environ, "NO_PROXY": "*"})
    assert done.stdout.split() == ["2", "video_not_found"], done.stdout + done.stderr


def test_openais_client_for_node_makes_fetches_and_deletes_a_video(generous: Running, tmp_path: Path) -> None:
    if (folder := os.environ.get("OPENAI_NODE")) is None:
        pytest.skip("OPENAI_NODE names no folder with node_modules/openai")
    image = tmp_path / "image.png"
    image.write_bytes(png())
    script = Path(folder) / "client.mjs"  # modules are looked for where it lies
    script.write_text(OPENAI_NODE)
    given = ["node", str(script), f"{generous.url}/v1", str(image)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=folder)
    assert done.stdout.split() == ["completed", "video", "1", "404", "video_not_found"], done.stdout + done.stderr


def test_videos_are_kept_in_a_bucket(tmp_path: Path) -> None:
    """Through s3fs in moto's S3; all else is what is installed here."""
    if (python := os.environ.get("S3_PYTHON")) is None:
        pytest.skip("S3_PYTHON names no interpreter with moto and s3fs")
    tree = Path(__file__).parents[2]
    ours = next(Path(sys.prefix).glob("lib/python*/site-packages"))
    paths = os.pathsep.join(map(str, (tree / "src", tree, ours)))
    given = [python, "-W", "ignore::DeprecationWarning", "-c", BUCKET]
    env = {**os.environ, "NO_PROXY": "*", "PYTHONPATH": paths}
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=tmp_path, env=env)
    assert done.returncode == 0 and "a bucket works" in done.stdout, done.stdout + done.stderr


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
