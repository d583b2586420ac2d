"""``reasondiff data caption``: say what the clips of a set show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasondiff.cli import options as common
from reasondiff.cli.terminal.set_report import grouped, progress_bar
from reasondiff.errors import InputError

if TYPE_CHECKING:
    from reasondiff.data.caption_estimate import Estimate, Price
    from reasondiff.data.captions import ClipCaptions

__all__ = ["DEFAULT_CAPTIONER", "caption"]

DEFAULT_CAPTIONER = "transformers:Qwen/Qwen3-VL-8B-Instruct"
"""Free to use and to download; the paper's, meta-llama/Llama-3.2-11B-Vision-Instruct, asks for an account first."""

SECONDS_PER_REQUEST = 2.0
"""Of a server that has one card, for the estimate; the bar tells the truth as soon as the first answers are there."""


def caption(
    folder: Annotated[
        Path, typer.Argument(help="A set with clips, of 'data sample'.", metavar="SET", show_default=False)
    ],
    narrator: common.ModelName = DEFAULT_CAPTIONER,
    narrator_url: common.NarratorUrl = None,
    narrator_api: common.NarratorApi = None,
    narrator_timeout: common.NarratorTimeout = None,
    per: Annotated[
        str, typer.Option(help="latent: once per latent group; frame: every frame; clip: one request per clip.")
    ] = "latent",
    ready_made: Annotated[
        bool, typer.Option("--ready-made/--anew", help="Use captions that came with the videos.")
    ] = True,
    hygiene: Annotated[
        bool, typer.Option("--hygiene/--raw", help="Take out 'The image depicts' and watermark sentences.")
    ] = True,
    concurrency: Annotated[int, typer.Option(help="Clips that are asked for at the same time.", metavar="N")] = 4,
    price: Annotated[
        str | None, typer.Option(help="Of a million tokens in and out, for the estimate.", metavar="IN/OUT")
    ] = None,
    only_estimate: Annotated[bool, typer.Option("--estimate", help="Say what it would cost, and ask nobody.")] = False,
    ray: common.Ray = None,
) -> None:
    """Caption the clips of a set with the models that narrate.

    Captions are in SET/captions.jsonl. Correct any of them there: a corrected line stays as it is, and
    'data precompute' makes again only what depends on it. The same command goes on where it was stopped.
    """
    from typing import cast, get_args

    from reasondiff.cli.terminal import paths
    from reasondiff.cli.terminal.user_warnings import quiet_local_model
    from reasondiff.data.caption_estimate import Price, estimate
    from reasondiff.data.caption_replies import Asked, collect_replies
    from reasondiff.data.caption_set import Captioning, caption_set, clips_of, questions_of
    from reasondiff.data.captioning import Captioner
    from reasondiff.data.captions import Per
    from reasondiff.data.workers import over

    if per not in get_args(Per):
        raise InputError(f"--per {per!r} is unknown; give one of {', '.join(get_args(Per))}.")
    captioning = Captioning(cast(Per, per), ready_made, hygiene, concurrency)
    asked_price = None if price is None else Price.parse(price)
    clips = clips_of(folder)
    quiet_local_model(narrator)
    asked = Asked(narrator, narrator_url, narrator_api, narrator_timeout)
    captioner = Captioner(asked.load())
    waiting = questions_of(folder, captioner, captioning)
    if waiting or only_estimate:
        typer.echo(_told(estimate(waiting, captioning), asked_price, concurrency))
    if only_estimate:
        return
    with paths.only_writer(folder), progress_bar("Clips") as progress:
        if ray is not None:
            where = over(ray=ray, gpus=_gpus_of(narrator))
            collect_replies(folder, waiting, asked, captioning.per, where, progress=progress)
        done = caption_set(folder, captioner, captioning, progress=progress)
    for line in grouped(done.unusable, folder / "captions-unusable.jsonl"):
        typer.echo(line)
    if not done.captions:
        raise InputError(f"No clip of {str(folder)!r} has a caption; the reasons stand above.")
    typer.echo(f"{folder}: {len(done.captions)} of {len(clips)} clips are captioned: {_by(done.captions)}.")
    typer.echo(f"Correct them in {folder / 'captions.jsonl'} if you like. Next: reasondiff data precompute {folder}")


def _gpus_of(narrator: str) -> float:
    """That a request needs where it is worked on: a model that is loaded there has one, if this machine does."""
    if not narrator.startswith("transformers:"):
        return 0.0
    from reasondiff.recipes import checks

    return 0.0 if checks.device(None) == "cpu" else 1.0


def _told(found: Estimate, price: Price | None, concurrency: int) -> str:
    hours = found.hours(SECONDS_PER_REQUEST, concurrency)
    money = "" if price is None else f", {found.money(price):.2f} in money"
    return (
        f"{found.clips} clips to caption: {found.requests} requests with {found.images} images, about "
        f"{found.tokens_in:,} tokens in and {found.tokens_out:,} out{money}; {hours:.1f} hours at "
        f"{SECONDS_PER_REQUEST:g} s a request, {concurrency} at a time."
    )


def _by(captions: tuple[ClipCaptions, ...]) -> str:
    """How many were written by whom."""
    counts: dict[str, int] = {}
    for each in captions:
        who = "corrected by hand" if each.corrected else each.by
        counts[who] = counts.get(who, 0) + 1
    return ", ".join(f"{count} {who}" for who, count in counts.items())
