"""``reasondiff plan`` as a shell sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran


def test_the_papers_model_without_options(reasondiff: Callable[..., Ran]) -> None:
    ran = reasondiff("plan")
    assert ran.code == 0 and not ran.err
    for shown in (
        "wan2.1-i2v-14b-480p, preset balanced: 81 frames of 832x480, 50 steps, guidance 5, 4 descriptions",
        "16.39 B",  # parameters
        "167,426",  # TFLOP
        "482.0 MB",  # keys and values
        "65.6 GB",  # on disk
        "H200",
        "not measurements",
    ):
        assert shown in ran.out, shown


def test_options_change_the_plan(reasondiff: Callable[..., Ran]) -> None:
    ran = reasondiff("plan", "--preset", "fast", "--frames", 33, "--size", "512", "--steps", 4, "--guidance-scale", 1)
    assert "preset fast: 33 frames of 512x512, 4 steps, guidance 1" in ran.out
    assert "no 8-bit products" in ran.out  # A100
    assert "skips 50% of the calls" in ran.out


@pytest.mark.parametrize(
    ("preset", "vram", "answer"),
    [
        ("balanced", "48", "It fits yours of 48 GB."),
        ("balanced", "12", "It does not fit yours of 12 GB; use --preset low-vram."),
        ("low-vram", "12", "It fits yours of 12 GB."),
        ("low-vram", "4", "It does not fit yours of 4 GB; give fewer frames or a smaller --size, or a smaller model."),
    ],
)
def test_the_first_lines_answer_whether_it_fits(
    reasondiff: Callable[..., Ran], preset: str, vram: str, answer: str
) -> None:
    lines = reasondiff("plan", "--preset", preset, "--vram", vram).out.splitlines()
    assert "fits cards from" in lines[2] and answer in lines[2]


def test_sources_are_printed_when_asked_for(reasondiff: Callable[..., Ran]) -> None:
    assert "datasheet" not in reasondiff("plan").out
    assert "datasheet" in reasondiff("plan", "--sources").out


def test_a_local_model(reasondiff: Callable[..., Ran], model: Path) -> None:
    ran = reasondiff("plan", "--model", model, "--words", 8)
    assert ran.code == 0
    assert "9 frames of 64x64, 2 steps, guidance 3" in ran.out
    assert "published" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "best"], "no preset 'best'"),
        (["--model", "nothing"], "no plan for 'nothing'"),
        (["--size", "833x480"], "833 pixels does not divide into 16"),
        (["--size", "large"], "'large' is not understood"),
        (["--frames", "80"], "80 frames do not fit"),
        (["--steps", "0"], "0 denoising steps"),
        (["--vram", "0"], "A card of 0 GB is none"),
        (["--vram", "nan"], "A card of nan GB is none"),
    ],
)
def test_bad_input_is_one_sentence(refused: Callable[..., str], arguments: list[str], message: str) -> None:
    assert message in refused("plan", *arguments)


def test_a_training_step_is_planned_per_card(reasondiff: Callable[..., Ran]) -> None:
    ran = reasondiff("plan", "--train")
    assert ran.code == 0 and not ran.err
    assert "the values of the paper: AlignFormer and a LoRA of rank 16, 33 frames of 512x512, 8 clips" in ran.out
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "4 x 24 GB 20.6 GB 1, 2 times bf16, checkpointing 19.8 s on RTX 4090" in lines
    assert "48 GB 43.2 GB 1, 8 times bf16, checkpointing" in lines
    assert "80 GB 72.0 GB 2, 4 times bf16, attention kept 17.9 s on H100 80GB" in lines
    assert "141 GB 108.2 GB 4, 2 times bf16, attention kept 15.7 s on H200" in lines
    assert "frozen_weights=float8 29.0 GB 32 GB 17 s" in lines
    assert "optimization.eight_bit=true 42.2 GB 48 GB 16.6 s" in lines
    assert "optimization.shard_weights=true, 4 cards 20.6 GB 24 GB 4.16 s" in lines


def test_a_recipe_is_planned_and_one_of_another_kind_is_not(
    reasondiff: Callable[..., Ran], refused: Callable[..., str]
) -> None:
    ran = reasondiff("plan", "--train", "--recipe", "storyworld-tiny/stage2")
    assert "storyworld-tiny/stage2: AlignFormer alone, 33 frames of 64x64, 16 clips per step" in ran.out
    assert "storyworld-tiny/vae is none of the paper's stages" in refused(
        "plan", "--train", "--recipe", "storyworld-tiny/vae"
    )
    assert "give --train as well" in refused("plan", "--recipe", "storyworld-tiny/stage2")
    assert "VACE, which takes no AlignFormer" in refused("plan", "--train", "--model", "wan2.1-vace-14b")


def test_a_long_video_is_planned_in_sections(reasondiff: Callable[..., Ran], refused: Callable[..., str]) -> None:
    once, long = reasondiff("plan"), reasondiff("plan", "--frames", 161)
    assert "161 frames of 832x480" in long.out and "3 sections of 81 frames, one after the other" in long.out
    assert "section" not in once.out
    answer = "GB of GPU memory: fits cards from"
    needed = [next(line for line in ran.out.splitlines() if answer in line) for ran in (once, long)]
    assert needed[0] == needed[1]  # the memory is a section's
    assert "2 sections of 121 frames" in reasondiff("plan", "--frames", 161, "--section-frames", 121).out
    assert "Sections of 9 frames have no room to overlap; give 13 or more." in refused(
        "plan", "--frames", 161, "--section-frames", 9
    )
