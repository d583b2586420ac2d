"""Encoded sets: the very numbers that a step would compute, each made once, whatever is killed or changed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reasondiff.backends.wan.conditioning import encode_video
from reasondiff.backends.wan.encoders import Encoders
from reasondiff.backends.wan.text_encoding import encode_texts
from reasondiff.data.caption_set import clips_of
from reasondiff.data.captions import ClipCaptions, read_captions
from reasondiff.data.encoded import read_encoded
from reasondiff.data.precompute import precompute, sizes_of, text_key
from reasondiff.data.records import write_lines
from reasondiff.data.shards import ShardReader, fill_shards
from reasondiff.data.workers import over
from reasondiff.errors import InputError, OutputError
from reasondiff.media import read_video
from reasondiff.media.tensors import to_tensor
from tests import tiny
from tests.data.sets import captioned_set


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def encoders(model: Path) -> Encoders:
    return Encoders(str(model), precision="fp32")


def each(make: Callable[[str], torch.Tensor]) -> Callable[[Sequence[str]], Iterator[torch.Tensor]]:
    return lambda keys: map(make, keys)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_kept_is_what_a_step_would_compute(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    done = precompute(place, encoders)
    manifest, rows = read_encoded(place)
    assert manifest == done.manifest and len(rows) == 3 and (done.latents_made, done.texts_made) == (3, 10)
    assert (manifest.num_frames, manifest.width, manifest.step) == (9, 32, 0.2)
    latents, texts = ShardReader(place / "encoded" / "latents"), ShardReader(place / "encoded" / "texts")
    where = texts.index()
    for row in rows:
        video = to_tensor(read_video(place / row.path).frames[None])
        expected = encode_video(encoders.vae, video)[0].bfloat16()
        assert torch.equal(latents.get(row.latents, row.clip), expected)
        assert expected.shape == manifest.latent_shape
        told = encode_texts(encoders.tokenizer, encoders.text_encoder, row.texts)
        for text, embeds in told.items():
            assert torch.equal(texts.get(where[text_key(text)], text_key(text)), embeds.bfloat16())
    assert text_key("") in where  # dropped captions read it
    assert len(where) == manifest.texts == 10


def test_the_sizes_are_told_before_and_hold_after(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    sizes = sizes_of(place, encoders)
    used = precompute(place, encoders).manifest.bytes
    for name, told in (("latents", sizes.latents), ("texts", sizes.texts)):
        assert told <= used[name] < told + 2000, name  # and a header
    assert sizes.research_code == 3 * 9 * 512 * tiny.TEXT_DIM * 2


def test_two_processes_encode_what_one_does(tmp_path: Path, encoders: Encoders) -> None:
    """With as many threads each (``tests/conftest.py``); another number of threads rounds other last bits."""
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    one = contents(place / "encoded")
    shutil.rmtree(place / "encoded")
    seen: list[tuple[str, int, int]] = []
    done = precompute(place, encoders, over=over(2), progress=lambda *told: seen.append(told))
    assert (done.latents_made, done.texts_made) == (3, 10) and contents(place / "encoded") == one
    assert [told for told in seen if told[0] == "latents"] == [("latents", n, 3) for n in (1, 2, 3, 3)]
    shutil.rmtree(place / "encoded" / "latents")
    write_lines(place / "clips.jsonl", [replace(clips_of(place)[0], height=16, width=32)])
    with pytest.raises(InputError, match=r"is not what clips\.jsonl says; run reasondiff data sample"):
        precompute(place, encoders, over=over(2))


def test_a_second_run_makes_nothing(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    before = contents(place / "encoded")
    again = precompute(place, encoders)
    assert (again.latents_made, again.texts_made) == (0, 0) and contents(place / "encoded") == before


def test_a_corrected_caption_encodes_one_text_and_no_clip(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    file = place / "captions.jsonl"
    file.write_text(file.read_text().replace("Frame 3 of 1.mp4.", "A cat breaks the vase."))
    again = precompute(place, encoders)
    assert (again.latents_made, again.texts_made) == (0, 1) and again.manifest.texts == 10
    _, rows = read_encoded(place)
    assert rows[1].texts[1] == "A cat breaks the vase."


def test_another_clip_encodes_that_one_only_and_what_is_gone_goes(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    clips = clips_of(place)
    write_lines(place / "clips.jsonl", clips[1:])
    assert precompute(place, encoders).latents_made == 0
    write_lines(place / "clips.jsonl", clips)
    assert precompute(place, encoders).latents_made == 1
    assert len(list((place / "encoded" / "latents").iterdir())) == 1  # no shard of before is left


def test_another_model_leaves_nothing_stale(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    before = set(contents(place / "encoded"))
    other = Encoders(str(tiny.checkpoint(tmp_path / "other", seed=1)), precision="fp32")
    again = precompute(place, other)
    assert (again.latents_made, again.texts_made) == (3, 10)
    after = set(contents(place / "encoded"))
    assert len(after) == len(before) and after & before == {"index.jsonl", "manifest.json"}


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reasondiff.data import shards

    calls: list[str] = []
    save = shards.save_file

    def full(tensors: dict, path: Path, metadata: dict) -> None:
        if calls:
            raise OSError(28, "No space left on device", str(path))
        calls.append(str(path))
        save(tensors, path, metadata)

    monkeypatch.setattr(shards, "save_file", full)
    made: list[str] = []

    def make(key: str) -> torch.Tensor:
        made.append(key)
        return torch.ones(3)

    with pytest.raises(OutputError, match="No space left on device; make room"):
        fill_shards(tmp_path / "s", ["a", "b", "c", "d"], "x", each(make), per_shard=2)
    monkeypatch.setattr(shards, "save_file", save)
    assert fill_shards(tmp_path / "s", ["a", "b", "c", "d"], "x", each(make), per_shard=2).made == 2
    assert made == ["a", "b", "c", "d", "c", "d"]
    assert not [path for path in (tmp_path / "s").iterdir() if path.name.startswith(".")]


def fill_slowly(folder: Path) -> None:
    def make(key: str) -> torch.Tensor:
        time.sleep(0.002)
        return torch.full((50,), float(key))

    fill_shards(folder, [str(number) for number in range(60)], "x", each(make), per_shard=4)


def test_killed_anywhere_the_same_command_ends_alike(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    fill_slowly(whole)
    kills = 0
    for number in range(40):
        child = os.fork()
        if child == 0:
            fill_slowly(killed)
            os._exit(0)
        time.sleep(0.02 + 0.007 * (number % 5))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            break
        kills += 1
    assert kills >= 3
    fill_slowly(killed)
    left = {name: data for name, data in contents(killed).items() if not name.startswith(".")}
    assert left == contents(whole)


def test_a_shard_that_was_cut_is_made_again(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    [shard] = (place / "encoded" / "latents").iterdir()
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"missing or damaged.*run reasondiff data precompute again\."):
        ShardReader(shard.parent).get(shard.name, "x")
    assert precompute(place, encoders).latents_made == 3 and shard.read_bytes() == whole


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The encoding of a is not finite"):
        fill_shards(tmp_path, ["a"], "x", each(lambda _: torch.tensor([float("nan")])), per_shard=2)
    from safetensors.torch import save_file

    save_file({"a": torch.tensor([float("nan")])}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="holds numbers that are not finite; remove it"):
        ShardReader(tmp_path).get("x.safetensors", "a")


def test_an_index_in_parquet_says_the_same(tmp_path: Path, encoders: Encoders) -> None:
    pytest.importorskip("pyarrow")
    place = captioned_set(tmp_path)
    precompute(place, encoders)
    lines = read_encoded(place)
    precompute(place, encoders, index="parquet")
    assert read_encoded(place) == lines and not (place / "encoded" / "index.jsonl").exists()


def test_what_cannot_be_encoded_is_said(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path)
    clips = clips_of(place)
    captions = list(read_captions(place).values())
    write_lines(place / "clips.jsonl", [replace(clips[0], width=64), *clips[1:]])
    with pytest.raises(InputError, match=r"mixes clips of 9 frames of 32x32 and 9 frames of 64x32"):
        precompute(place, encoders)
    write_lines(place / "clips.jsonl", clips)
    told = ClipCaptions(clips[0].id, "0.mp4", "clip", ("猫が部屋で遊んでいます。",), "me")
    write_lines(place / "captions.jsonl", [told, *captions[1:]])
    with pytest.raises(InputError, match=r"tokenizer does not know .* caption in a language that it reads"):
        precompute(place, encoders)
    (place / clips[1].path).unlink()
    with pytest.raises(InputError, match=r"of '1.mp4' is gone; run reasondiff data sample"):
        precompute(place, encoders)
    (place / "captions.jsonl").unlink()
    with pytest.raises(InputError, match="has no captions; run reasondiff data caption"):
        precompute(place, encoders)
    with pytest.raises(InputError, match=r"is not encoded; run reasondiff data precompute"):
        read_encoded(place)
    with pytest.raises(InputError, match=r"has no clips; run reasondiff data sample"):
        clips_of(tmp_path)


def test_the_manifest_is_readable(tmp_path: Path, encoders: Encoders) -> None:
    place = captioned_set(tmp_path, 1)
    precompute(place, encoders)
    told = json.loads((place / "encoded" / "manifest.json").read_text())
    assert told["captions"] == {"openai:m": 1} and set(told["text_encoder"]) >= {"text_encoder/model.safetensors"}
