"""A set made on a Ray cluster of three raylets on loopback, one of them killed in the middle, is the set made here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reasondiff.data.captions import read_captions
from reasondiff.media import write_video
from tests import tiny
from tests.data.videos import video
from tests.narrator.providers.misbehaving_server import Say, Server, running

pytestmark = pytest.mark.packages

VIDEOS = 8


@pytest.fixture
def cluster() -> Iterator[object]:
    """A head that works on nothing, and two raylets with a core each."""
    pytest.importorskip("ray", reason="run this where 'reasondiff[ray]' is installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


def command(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    code = "from reasondiff.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "OPENAI_API_KEY": "x", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return told


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "caption-replies.jsonl"
    }


@pytest.mark.enable_socket
def test_one_raylet_killed_in_the_middle_loses_and_doubles_nothing(tmp_path: Path, cluster, server: Server) -> None:
    server.answer = lambda request: Say(f"A wall, {request.images[-1].convert('L').getpixel((16, 16))}.")
    for number in range(VIDEOS):
        video(tmp_path / "videos" / f"{number:02}.mp4", count=60 + number)
    tiny.checkpoint(tmp_path / "wan")
    asked = ("--narrator", "openai:m", "--narrator-url", server.url)
    ended(command(tmp_path, "data", "scan", "videos", "-o", "here"))
    ended(command(tmp_path, "data", "scan", "videos", "-o", "there"))
    verbs = (
        ("sample", "--num-frames", 9, "--size", "32x32"),
        ("caption", *asked),
        ("precompute", "--model", tmp_path / "wan", "--device", "cpu", "--precision", "fp32"),
    )
    raylets = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    for verb, *options in verbs:
        ended(command(tmp_path, "data", verb, tmp_path / "here", *options))
        begun, before = len(server.requests), len(server.requests)
        work = command(tmp_path, "data", verb, tmp_path / "there", *options, "--ray", cluster.address)
        while work.poll() is None and not _progress(tmp_path / "there", verb, server, begun):
            time.sleep(0.01)
        assert work.poll() is None, work.communicate()[0]
        cluster.remove_node(raylets.pop(0), allow_graceful=False)  # its processes are killed
        raylets.append(cluster.add_node(num_cpus=1))
        told = ended(work)
        assert contents(tmp_path / "there") == contents(tmp_path / "here"), (verb, told)
        if verb == "caption":  # what the killed one had asked is asked again, and nothing else
            assert len(read_captions(tmp_path / "there")) == VIDEOS
            assert 3 * VIDEOS <= len(server.requests) - before <= 3 * VIDEOS + 3
    one = ended(command(tmp_path, "data", "sample", tmp_path / "there", *verbs[0][1:], "--ray", cluster.address))
    assert f"{VIDEOS} of them made before" in one


def _progress(folder: Path, verb: str, server: Server, requests: int) -> bool:
    """Whether something is done."""
    if verb == "sample":
        return len(list(folder.glob("clips/*.mp4"))) >= 2
    if verb == "caption":
        return len(server.requests) - requests >= 4
    return any(folder.glob("encoded/texts/*.safetensors"))


@pytest.mark.enable_socket
def test_cases_of_an_evaluation_survive_a_killed_raylet(tmp_path: Path, cluster) -> None:
    given, noise = tmp_path / "given", tmp_path / "videos" / "noise"
    for folder in (given, noise):
        folder.mkdir(parents=True)
    for number in range(VIDEOS):
        frames = np.random.default_rng(number).integers(0, 256, (200, 64, 64, 3), dtype=np.uint8)
        write_video(noise / f"{number}.mp4", frames, 8.0)
        Image.fromarray(frames[0]).save(given / f"{number}.png")
        (given / f"{number}.txt").write_text("It flickers.")
    ended(command(tmp_path, "bench", "build", "images", "--source", given, "-o", "benchmark"))
    asked = ("evaluate", "--benchmark", "benchmark", "--method", "videos-in-folder:videos", "--batch", 1)
    ended(command(tmp_path, *asked, "-o", "here"))
    raylets = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    work = command(tmp_path, *asked, "-o", "there", "--ray", cluster.address)
    while work.poll() is None and len(list((tmp_path / "there").glob("shares/*.jsonl"))) < 2:
        time.sleep(0.01)
    assert work.poll() is None, work.communicate()[0]
    cluster.remove_node(raylets.pop(), allow_graceful=False)  # its processes are killed
    told = ended(work)
    assert contents(tmp_path / "there") == contents(tmp_path / "here"), told
    assert len((tmp_path / "there" / "results.jsonl").read_text().splitlines()) == VIDEOS


def test_no_cluster_is_said(tmp_path: Path, server: Server) -> None:
    pytest.importorskip("ray", reason="run this where 'reasondiff[ray]' is installed")
    video(tmp_path / "videos" / "a.mp4", count=60)
    ended(command(tmp_path, "data", "scan", "videos", "-o", "set"))
    work = command(tmp_path, "data", "sample", "set", "--num-frames", 9, "--size", "32x32", "--ray", "127.0.0.1:1")
    told, _ = work.communicate(timeout=300)
    assert work.returncode == 2 and "No Ray cluster answers at '127.0.0.1:1'" in told, told
