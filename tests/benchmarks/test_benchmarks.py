"""The benchmarks run, their gates hold, and what they compare is what they say."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks import cpu, flops, h200
from benchmarks.contestants import SMALLEST, TINY, Contest, keep_attention
from benchmarks.counting import count
from benchmarks.fast import Fast, Float8Linear
from benchmarks.preparation import starts
from benchmarks.report import Report


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def gap(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()


@pytest.mark.slow
def test_everything_that_is_counted_at_full_size_reaches_its_goals(capsys: pytest.CaptureFixture[str]) -> None:
    assert flops.main([]) == 0
    assert capsys.readouterr().out.count("| met |") == 9


@pytest.mark.parametrize("part", [pytest.param(part, marks=[pytest.mark.slow] * (part == "C7")) for part in cpu.PARTS])
def test_the_cpu_benchmark_runs_and_its_contestants_agree(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cpu.main(["--smallest", "--rounds", "1", "--only", part]) == 0
    compared = {"C1": 3, "C4": 1, "C5": 1, "C6": 1}
    assert capsys.readouterr().out.count("max abs diff |") == compared.get(part, 0)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch.compile looks at it
@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[pytest.mark.slow] * (part in ("calls", "training"))) for part in h200.PARTS]
)
def test_the_gpu_benchmark_runs_without_a_gpu(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert h200.main(["--tiny", "--only", part]) == 0
    assert "MISSED" not in capsys.readouterr().out


def test_the_gpu_benchmark_at_full_size_wants_a_gpu(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as stop:
        h200.main([])
    assert stop.value.code == 2
    assert "there is no GPU here; add --tiny" in capsys.readouterr().err


def test_counting_a_linear_layer_and_a_norm() -> None:
    layer, norm = nn.Linear(64, 32, device="meta"), nn.LayerNorm(32, device="meta")
    x = torch.empty(10, 64, device="meta")
    with torch.no_grad():
        product, both = count(lambda: layer(x)), count(lambda: norm(layer(x)))
    assert product.flops == both.flops == 2 * 10 * 64 * 32
    assert product.moved == 0
    assert both.moved >= 4 * (10 * 32 * 2 + 2 * 32)  # in, out, weight and bias
    assert product.peak == 4 * 10 * 32
    assert both.peak >= 2 * product.peak


def test_counting_attention_neither_makes_nor_counts_the_matrix() -> None:
    query, key = torch.empty(2, 4, 1000, 64, device="meta"), torch.empty(2, 4, 500, 64, device="meta")
    bias = torch.empty(1, 1, 1, 500, device="meta")
    for mask in (None, bias):
        counted = count(lambda mask=mask: F.scaled_dot_product_attention(query, key, key, mask))
        assert counted.flops == counted.attention == 4 * 2 * 4 * 1000 * 500 * 64
        assert counted.peak < 4 * 2 * 4 * 1000 * 500


def test_what_is_freed_is_not_held() -> None:
    x = torch.empty(1000, device="meta")
    counted = count(lambda: x.add(1).add(1).add(1).add(1))
    assert (counted.kernels, counted.peak, counted.moved) == (4, 8000, 4 * 8000)
    assert count(lambda: x.view(10, 100).t()).kernels == 0


def test_contestants_share_their_weights() -> None:
    contest = Contest(SMALLEST, "cpu")
    for other in (contest.stock, contest.concat):
        for (name, one), (other_name, two) in zip(
            contest.transformer.named_parameters(), other.named_parameters(), strict=True
        ):
            assert name == other_name and one.data_ptr() == two.data_ptr()


def test_b1_reads_every_frames_prompt_and_ours_its_own() -> None:
    contest = Contest(SMALLEST, "cpu")
    text = contest.b1_text(3)
    assert text.shape == (1, 3 * 512, SMALLEST.config["text_dim"])
    first, last = text[0, : SMALLEST.words], text[0, -512 : -512 + SMALLEST.words]
    assert gap(first, contest.embeddings["description 0"]) == 0.0
    assert gap(last, first) > 0.1
    assert text[0, SMALLEST.words : 512].abs().max() == 0
    with torch.no_grad():
        assert gap(contest.ours(contest.context(3))(), contest.b1(3)()) > 1e-3  # another function
        assert gap(contest.ours(contest.context(3, "concat"))(), contest.b1(3)()) <= 1e-5  # the same


def test_checkpointing_that_keeps_attention_gives_the_same_gradient_for_less() -> None:
    def step(device: str, *, keep: bool) -> tuple[Contest, object]:
        contest = Contest(SMALLEST, device)
        contest.add_lora()
        checkpointing = partial(keep_attention, contest.framewise) if keep else contest.framewise.checkpoint
        call = contest.ours(contest.context(2, cache=False))
        return contest.training_step(contest.transformer, call, checkpointing)

    assert gap(step("cpu", keep=True)(), step("cpu", keep=False)()) <= 1e-7
    kept, again = (count(step("meta", keep=keep)) for keep in (True, False))
    assert again.attention / kept.attention == pytest.approx(4.5 / 3.5)
    assert kept.flops < again.flops


def test_8_bit_products_are_close() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(64, 48), torch.randn(3, 10, 64)
    with torch.no_grad():
        assert h200.distance(Float8Linear(linear)(x), linear(x)) < 0.05
        assert Float8Linear(linear)(x).shape == (3, 10, 48)


@pytest.mark.parametrize("float8", [False, True])
def test_a_graph_serves_all_blocks_of_a_kind(float8: bool) -> None:
    """Else a model of 40 blocks would take 40 compilations."""
    contest = Contest(SMALLEST.with_layers(4), "cpu")
    fast = Fast(contest, "eager", float8=float8)
    with torch.no_grad():
        for call in fast.pair(contest.context(2), contest.context(1)).values():
            call()
    assert fast.graphs.made == (4 if float8 else 2)  # the ends of the stack are of another kind
    assert fast.graphs.runs == 2 * 4


def test_tiles_cover_a_side_and_none_lies_within_another() -> None:
    assert starts(60, 30, 15) == [0, 15, 30]
    assert starts(104, 52, 26) == [0, 26, 52]
    assert starts(20, 30, 15) == [0]
    assert starts(50, 30, 15) == [0, 15, 30]


def test_a_missed_gate_makes_the_exit_code_one() -> None:
    lines: list[str] = []
    report = Report("", ("ours",), on_row=lines.append)
    assert report.add("A", "a", "1", reached=2.0, at_least=1.5)
    assert not report.add("B", "b", "1", reached=2.0, at_most=1.5, gate=False)
    assert report.exit_code == 0
    assert not report.add("C", "c", "1", reached=2.0, at_least=2.5)
    assert report.exit_code == 1 and report.missed == ["C"]
    assert [line.rsplit("|", 2)[1].strip() for line in lines[-3:]] == ["met", "not met", "MISSED"]


def test_the_tiny_scale_is_the_one_that_goals_were_set_for() -> None:
    assert TINY.config["num_attention_heads"] * TINY.config["attention_head_dim"] == 256
    assert (TINY.timeline.num_latent_frames, TINY.height // 2 * TINY.width // 2) == (21, 100)
