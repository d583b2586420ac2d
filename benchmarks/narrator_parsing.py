"""How many malformed replies does the narrator's parser recover, by family, and what do the two reply forms cost?

    python benchmarks/narrator_parsing.py [--replies 100] [--seed 0]

Recovered: equal to the intended story in position, boundaries and texts, without asking again. Asked again: a fault was
named, so the story would not pass unnoticed. Mistaken: accepted as it stands, and not the intended story.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.replies.known_stories import INTERVAL
from benchmarks.replies.malformed import Malformed, replies
from reasondiff.narrative import Narrative
from reasondiff.narrator import parse, write_reply

VASE = Narrative.from_ends(
    [
        (8, "An intact vase stands on the floor."),
        (18, "A cat enters the room and breaks the vase."),
        (28, "The cat flees."),
        (33, "The broken vase lies in shards."),
    ],
    32,
    33,
    style="A grey cat and a white vase.",
    reasoning="A cat would break the vase, so the image comes last.",
)
"""Told in both forms, to count what each costs."""

RECOVERED, ASKED, MISTAKEN = "recovered", "asked again", "mistaken"


def outcome(made: Malformed) -> str:
    parsed = parse(made.text, made.story.num_frames, INTERVAL, cut=made.cut)
    if parsed.faults or parsed.narrative is None:
        return ASKED
    return RECOVERED if not parsed.repairs and made.story.is_told_by(parsed.narrative) else MISTAKEN


def main(
    replies_per_family: Annotated[int, typer.Option("--replies", help="Per family.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the stories and their faults.")] = 0,
) -> None:
    """Print the share of every outcome by family, and the tokens of both reply forms."""
    made = replies(replies_per_family, seed)
    started = time.perf_counter()
    counts = Counter((each.recoverable, each.family, outcome(each)) for each in made)
    seconds = time.perf_counter() - started
    console = Console()
    for recoverable, title in ((True, "No doubt about the story"), (False, "Part of the story is lost")):
        table = Table("family", RECOVERED, ASKED, MISTAKEN, title=title)
        totals: Counter[str] = Counter()
        for family in dict.fromkeys(each.family for each in made if each.recoverable == recoverable):
            row = {kind: counts[recoverable, family, kind] for kind in (RECOVERED, ASKED, MISTAKEN)}
            totals.update(row)
            table.add_row(family.replace("_", " "), *(f"{n / sum(row.values()):.1%}" for n in row.values()))
        table.add_section()
        table.add_row(
            f"all {totals.total()}", *(f"{totals[kind] / totals.total():.1%}" for kind in (RECOVERED, ASKED, MISTAKEN))
        )
        console.print(table)
    console.print(f"{len(made)} replies in {seconds:.1f} s, {1000 * seconds / len(made):.2f} ms each.")
    _tokens(console)


def _tokens(console: Console) -> None:
    """The same story at 81 frames in both forms, by a published tokenizer where one is installed."""
    texts = {form: write_reply(VASE.retime(81), form, image_shows="A broken vase.") for form in ("clips", "list")}
    try:
        from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
    except ImportError:
        console.print("Tokens: install mistral-common, which ships a tokenizer, to count them.")
        return
    tokenizer = MistralTokenizer.v3(is_tekken=True).instruct_tokenizer.tokenizer
    clips, frames = (len(tokenizer.encode(texts[form], bos=False, eos=False)) for form in ("clips", "list"))
    console.print(f"Tokens at 81 frames (Mistral's Tekken): clips {clips}, list {frames}, ratio {clips / frames:.2f}.")


if __name__ == "__main__":
    typer.run(main)
