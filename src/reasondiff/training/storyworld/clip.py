"""Training the network that compares StoryWorld's frames with captions: right ones against wrong ones."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from reasondiff.data.loader import SampleKey
from reasondiff.files import atomic_path
from reasondiff.storyworld import captions
from reasondiff.storyworld.clip import StoryWorldClip, encode_captions, encode_frames, tokenize
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, PAIRS, Take
from reasondiff.training.storyworld.oracle import degrade
from reasondiff.training.storyworld.wrong_captions import (
    other_colour,
    other_moment,
    other_species,
    other_state,
    species_of,
    what_is_seen,
)

__all__ = ["ClipBatch", "ClipSample", "ClipStage", "rankings"]

WRONG = 4
"""Wrong captions per frame: species, state, colour and moment."""


@dataclass(frozen=True)
class ClipSample:
    """A frame and its captions.

    Args:
        frame: [3, 64, 64] in -1..1.
        caption: the right one.
        wrong: ``WRONG`` others; empty where there is none of the kind.
        meaning: equal for frames that the same captions are right of.
    """

    frame: Tensor
    caption: str
    wrong: tuple[str, ...]
    meaning: tuple[str, ...]


@dataclass(frozen=True)
class ClipBatch:
    """Samples as tensors.

    Args:
        frames: [batch, 3, 64, 64].
        tokens: [batch + batch * WRONG, length], the right captions first.
        mask: of the tokens.
        is_wrong: [batch, WRONG], false where there is no caption of the kind.
        same: [batch, batch], true where two samples mean the same.
    """

    frames: Tensor
    tokens: Tensor
    mask: Tensor
    is_wrong: Tensor
    same: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ClipBatch:
        """On another device, as accelerate asks."""
        tensors = (self.frames, self.tokens, self.mask, self.is_wrong, self.same)
        return ClipBatch(*(tensor.to(device, non_blocking=non_blocking) for tensor in tensors))


class ClipStage:
    """CLIP's contrastive loss, in which every frame also has captions that are wrong in one thing.

    Args:
        net: the network.
        tokenizer: of its captions.
        batch: frames per step.
        clean: share of frames that are not made worse, as a generator's frames are.
    """

    def __init__(
        self, net: StoryWorldClip, tokenizer: PreTrainedTokenizerBase, *, batch: int = 64, clean: float = 0.4
    ) -> None:
        self.net = net
        self.tokenizer = tokenizer
        self.batch = batch
        self.clean = clean
        self.takes = TakeSet("clip", hard=0.15, pairs=PAIRS)
        self.dataset = self

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.net.named_parameters())

    def batch_size(self, step: int) -> int:
        return self.batch

    def draw(self, key: SampleKey) -> ClipSample:
        rng, generator = key.rng(), key.generator()
        take = self.takes[rng.randrange(2**31)]
        frame = rng.randrange(NUM_FRAMES)
        while take.agent_pose(frame) is not None and not take.visible(frame):  # told of, but out of the picture
            frame = rng.randrange(NUM_FRAMES)
        told = captions.frame_captions(take, rng)
        caption = told[frame]
        wrong = (
            other_species(take, caption, rng.choice(species_of(take))),
            other_state(take, frame, caption),
            other_colour(take, frame, caption, rng),
            other_moment(take, frame, told, rng),
        )
        picture = torch.from_numpy(np.asarray(draw_frame(take, frame)).copy()).permute(2, 0, 1).float() / 255
        if rng.random() >= self.clean:
            picture = degrade(picture[None], generator)[0]
        return ClipSample(picture * 2 - 1, caption, tuple(text or "" for text in wrong), what_is_seen(take, frame))

    def collate(self, samples: Sequence[ClipSample]) -> ClipBatch:
        texts = [sample.caption for sample in samples]
        for sample in samples:
            texts += [text or sample.caption for text in sample.wrong]
        tokens, mask = tokenize(self.tokenizer, texts)
        meanings = [sample.meaning for sample in samples]
        return ClipBatch(
            torch.stack([sample.frame for sample in samples]),
            tokens,
            mask,
            torch.stack([torch.tensor([bool(text) for text in sample.wrong]) for sample in samples]),
            torch.stack([torch.tensor([one == other for other in meanings]) for one in meanings]),
        )

    def loss(self, inputs: ClipBatch) -> dict[str, Tensor]:
        images = self.net.image_features(inputs.frames)
        texts = self.net.text_features(inputs.tokens, inputs.mask)
        count = len(images)
        right, wrong = texts[:count], texts[count:].view(count, WRONG, -1)
        own = torch.eye(count, dtype=torch.bool, device=images.device)
        doubtful = inputs.same & ~own
        cosines = (images @ right.T).masked_fill(doubtful, -1.0)
        beside = torch.einsum("bf,bkf->bk", images, wrong).masked_fill(~inputs.is_wrong, -1.0)
        target = torch.arange(count, device=images.device)
        by_image = F.cross_entropy(self.net.scale * torch.cat([cosines, beside], dim=1), target)
        by_text = F.cross_entropy(self.net.scale * cosines.T, target)
        return {"loss": (by_image + by_text) / 2, "by_image": by_image, "by_text": by_text}

    def validate(self, folder: Path) -> dict[str, float]:
        """On unseen takes of every pair: how often the right caption is nearer than a wrong one."""
        self.net.eval()
        drawn = TakeSet("validation", pairs=PAIRS)
        found = rankings(self.net, self.tokenizer, [drawn[index] for index in range(150)], drawn)
        self.net.train()
        return found

    def export(self, model: Path) -> None:
        """Write the network, in half precision, and its tokenizer into ``model`` itself."""
        model.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            half = StoryWorldClip.from_config(self.net.config)
            half.load_state_dict(self.net.state_dict())
            half.half().eval().save_pretrained(scratch)
            self.tokenizer.save_pretrained(scratch)
            for file in Path(scratch).iterdir():
                with atomic_path(model / file.name) as whole:
                    shutil.copyfile(file, whole)


def rankings(
    net: StoryWorldClip, tokenizer: PreTrainedTokenizerBase, takes: Sequence[Take], drawn: TakeSet
) -> dict[str, float]:
    """How often what is true is nearer than what is wrong, in frames and in whole clips.

    Of a frame that shows the agent its caption is compared with those of every other species, and of a frame whose
    caption tells a state with that of the other state. Of a clip the mean cosine of its own captions is compared with
    that of the same captions with another species, and with the other states.

    Args:
        net: the network.
        tokenizer: of its captions.
        takes: to rank.
        drawn: where they are from.

    Returns:
        Shares: ``species``, ``state``, ``clip_species`` and ``clip_state``.
    """
    hits: dict[str, list[bool]] = {name: [] for name in ("species", "state", "clip_species", "clip_state")}
    for index, take in enumerate(takes):
        told = captions.frame_captions(take, drawn.rng(index, "captions"))
        frames = np.stack([np.asarray(draw_frame(take, frame)) for frame in range(NUM_FRAMES)])
        seen, right = encode_frames(net, frames), encode_captions(net, tokenizer, told)
        own = (seen * right).sum(1)
        for agent in species_of(take):
            wrong = [other_species(take, text, agent) for text in told]
            theirs = _cosines(net, tokenizer, seen, wrong, own)
            shown = [frame for frame in range(NUM_FRAMES) if take.visible(frame) and wrong[frame]]
            hits["species"] += (own[shown] > theirs[shown]).tolist()
            hits["clip_species"].append(bool(own.mean() > theirs.mean()))
        wrong = [other_state(take, frame, text) for frame, text in enumerate(told)]
        said = [frame for frame, text in enumerate(wrong) if text]
        if said:
            theirs = _cosines(net, tokenizer, seen, wrong, own)
            hits["state"] += (own[said] > theirs[said]).tolist()
            hits["clip_state"].append(bool(own.mean() > theirs.mean()))
    return {name: round(float(np.mean(each)), 4) for name, each in hits.items()}


def _cosines(
    net: StoryWorldClip,
    tokenizer: PreTrainedTokenizerBase,
    seen: np.ndarray,
    texts: Sequence[str | None],
    own: np.ndarray,
) -> np.ndarray:
    """Of each frame and its text; where there is none, that of its own caption."""
    told = [frame for frame, text in enumerate(texts) if text]
    cosines = own.copy()
    if told:
        vectors = encode_captions(net, tokenizer, [texts[frame] or "" for frame in told])
        cosines[told] = (seen[told] * vectors).sum(1)
    return cosines
