"""The bundled narrator: a small LLaVA that learns to see StoryWorld, and then to tell its stories.

First the vision tower alone learns what is where (a linear head on its class token, thrown away at export), which
costs a tenth of a step of the whole model; then everything learns to write the reply, token by token.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from reasondiff.files import atomic_path
from reasondiff.narrator.domain import ImageStatistics, words_of
from reasondiff.narrator.reading.parse import parse
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import Case, TakeSet, cases
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import INTERVAL, NUM_FRAMES
from reasondiff.training.storyworld.narrator_dataset import Batch, NarratorDataset
from reasondiff.training.storyworld.narrator_examples import (
    HEADS,
    MAX_PROMPT,
    augment_image,
    seen_in,
    to_pixels,
)
from reasondiff.training.storyworld.narrator_tokenizer import save_processor

__all__ = ["NarratorStage"]

_INSTEAD = (
    "For anything else use --narrator openai:gpt-4o or transformers:meta-llama/Llama-3.2-11B-Vision-Instruct, "
    "with --model wan2.1-i2v-14b-480p."
)


class NarratorStage:
    """Next-token prediction on replies; the numbers' targets are spread over their neighbours.

    The image does not tell an agent's speed, nor when it set off. A target spread over a few frames makes the likeliest
    number one from the middle of what is possible.

    Args:
        model: from scratch, or trained before.
        processor: its processor.
        see_steps: steps in which the tower learns alone.
        batch: images that are told per step.
        seen_per_told: how many images the tower learns from for each of them, itself among these.
        position_weight: of the position's token; an end's has a third of it and a word's 1.
        see_weight: of the tower's own loss afterwards.
        strange: share of told images that show nothing, and of prompts with words that mean nothing: whatever it is
            asked, it should answer in its form.
        takes: what to draw from.
        looks: images from which the exported narrator learns what it knows, and unseen ones that set the limits.
    """

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        processor: LlavaProcessor,
        *,
        see_steps: int,
        batch: int = 16,
        seen_per_told: int = 3,
        position_weight: float = 6.0,
        see_weight: float = 1.0,
        strange: float = 0.04,
        takes: TakeSet | None = None,
        looks: tuple[int, int] = (4000, 2000),
    ) -> None:
        self.model: Any = model  # transformers' own types do not describe what it does
        self.processor: Any = processor
        self.see_steps = see_steps
        self.see_weight = see_weight
        self.takes = takes or TakeSet("train", hard=0.25)
        self.dataset = NarratorDataset(
            self.takes,
            processor,
            image_tokens=model.config.image_seq_length,
            see_steps=see_steps,
            batch=batch,
            seen_per_told=seen_per_told,
            position_weight=position_weight,
            strange=strange,
        )
        self.looks = looks
        vision: Any = model.config.vision_config
        self.heads = nn.Linear(vision.hidden_size, sum(HEADS.values())).to(model.device)
        tokenizer = processor.tokenizer
        self.numbers = [tokenizer(f" {n}", add_special_tokens=False)["input_ids"][-1] for n in range(1, NUM_FRAMES + 1)]
        self.of_token = {token: frame for frame, token in enumerate(self.numbers)}
        self._alone = True
        self.kernels = torch.stack([torch.eye(NUM_FRAMES), _kernel(1), _kernel(3)]).to(model.device)

    def trainable(self) -> dict[str, nn.Parameter]:
        return {**dict(self.model.named_parameters()), **dict(self.heads.named_parameters(prefix="heads"))}

    def loss(self, inputs: Batch) -> dict[str, Tensor]:
        images = self.model.model.get_image_features(
            inputs.pixels, vision_feature_layer=-1, vision_feature_select_strategy="default"
        )
        self._alone = not inputs.tokens.numel()
        sight = self._sight(images.last_hidden_state[:, 0], inputs.seen)
        see = torch.stack(list(sight.values())).mean()
        if self._alone:
            return {"loss": see, "see": see, **{f"see_{n}": sight[n] for n in ("state", "agent", "frame")}}
        images.pooler_output = images.pooler_output[: len(inputs.tokens)]
        hidden = self.model.model(
            input_ids=inputs.tokens[:, :-1], mm_encoder_outputs={"image": images}, use_cache=False
        ).last_hidden_state
        asked = inputs.weights[:, 1:] > 0
        weights, spread, tokens = (each[:, 1:][asked] for each in (inputs.weights, inputs.spread, inputs.tokens))
        logs = self.model.lm_head(hidden[asked]).float().log_softmax(-1)
        is_number = spread > 0
        frames = torch.tensor([self.of_token.get(int(token), 0) for token in tokens[is_number]], device=tokens.device)
        targets = self.kernels[spread[is_number], frames]
        losses = -logs.gather(1, tokens[:, None])[:, 0]
        losses = losses.masked_scatter(is_number, -(targets * logs[is_number][:, self.numbers]).sum(-1))
        tell = (losses * weights).sum() / weights.sum()
        kinds = {"words": 0, "ends": 1, "position": 2}
        return {
            "loss": tell + self.see_weight * see,
            "tell": tell,
            "see": see,
            **{name: losses[spread == kind].mean() for name, kind in kinds.items()},
        }

    def _sight(self, features: Tensor, seen: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of each head over the images that show something."""
        known = seen[:, 0] >= 0
        parts = torch.split(self.heads(features[known]).float(), list(HEADS.values()), dim=1)
        true = dict(zip(HEADS, seen[known].T, strict=True))
        targets = {**true, "frame": self.kernels[2][true["frame"]]}
        count = known.sum().clamp(min=1)
        return {
            name: F.cross_entropy(part, targets[name], reduction="sum") / count
            for name, part in zip(HEADS, parts, strict=True)
        }

    @torch.no_grad()
    def tell(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> list[str]:
        """Greedy replies."""
        inputs = self.processor(
            text=[f"<image>{prompt}<reply>" for prompt in prompts], images=list(images), return_tensors="pt",
            padding=True, add_special_tokens=False,
        ).to(self.model.device)  # fmt: skip
        written = self.model.generate(**inputs, max_new_tokens=200, do_sample=False)
        return self.processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    def validate(self, folder: Path) -> dict[str, float]:
        """Positions on unseen cases, in frames from the nearest right one; the replies are kept to be read."""
        chosen = cases(64, split="validation")
        if self._alone:
            return self._validate_sight(chosen)
        training = self.model.training
        self.model.eval()
        replies = self.tell(
            [draw_frame(case.take, case.anchor_frame) for case in chosen],
            [captions.user_prompt(case.take, random.Random(case.number)) for case in chosen],
        )
        self.model.train(training)
        near, valid, lines = 0, 0, []
        for case, reply in zip(chosen, replies, strict=True):
            told = parse(reply, NUM_FRAMES, INTERVAL)
            right = case.take.same_moment(case.anchor_frame)
            valid += told.recovered
            away = min(abs(told.narrative.anchor_frame - f) for f in right) if told.narrative else NUM_FRAMES
            near += away <= 3
            lines.append(f"{case.take.story} {case.anchor_phase} true {right} away {away}\n  {reply}\n")
        (folder / "replies.txt").write_text("".join(lines), encoding="utf-8")
        return {"within_3": near / len(chosen), "valid": valid / len(chosen)}

    def _validate_sight(self, chosen: Sequence[Case]) -> dict[str, float]:
        """The share of right classes of each head."""
        pixels = torch.stack([to_pixels(draw_frame(case.take, case.anchor_frame)) for case in chosen])
        true = torch.tensor([seen_in(case.take, case.anchor_frame) for case in chosen])
        tower = self.model.model.vision_tower(pixels.to(self.model.device)).last_hidden_state
        parts = torch.split(self.heads(tower[:, 0]).cpu(), list(HEADS.values()), dim=1)
        return {
            name: round(float((part.argmax(1) == right).float().mean()), 3)
            for name, part, right in zip(HEADS, parts, true.T, strict=True)
        }

    def export(self, model: Path) -> None:
        """Write ``model/narrator``: model, processor, how to ask it, and what it knows."""
        model.mkdir(parents=True, exist_ok=True)
        with atomic_path(model / "narrator", folder=True) as folder:
            self.model.save_pretrained(folder)
            save_processor(self.processor, folder)
            known, unseen = map(self._images, ("train", "validation"), self.looks)
            ImageStatistics.learn(known, unseen).save(folder / "looks.safetensors")
            settings = {
                "prompt": "{prompt}",
                "max_prompt": MAX_PROMPT,
                "form": "clips",
                "frames": NUM_FRAMES,
                "redraws": 3,
                "reasks": 0,
                "max_new_tokens": 200,
                "bounds": {"image": 0, "reasoning": 160, "style": 120, "description": 160, "clips": 6},
                "knows": {
                    "subject": "StoryWorld's drawings and the words of its prompts",
                    "words": sorted(self._words(self.looks[0])),
                    "looks": "looks.safetensors",
                    "instead": _INSTEAD,
                },
            }
            text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
            (folder / "narrator.json").write_text(text, encoding="utf-8")

    def _images(self, split: str, count: int) -> list[Image.Image]:
        """Frames as they may come from a user's disk."""
        takes, rng = TakeSet(split, hard=self.takes.hard), random.Random(f"looks/{split}")
        return [augment_image(draw_frame(takes[index], rng.randrange(NUM_FRAMES)), rng) for index in range(count)]

    def _words(self, count: int) -> set[str]:
        """All words of the prompts it was trained on."""
        prompts = (captions.user_prompt(self.takes[n], self.takes.rng(n, "words")) for n in range(count))
        return {word for prompt in prompts for word in words_of(prompt)}


def _kernel(reach: int) -> Tensor:
    """Targets [true frame, frame] that fall off linearly over ``reach`` frames; the clip's two ends stay certain."""
    frames = torch.arange(NUM_FRAMES)
    kernel = (reach + 1 - (frames[:, None] - frames).abs()).clamp(min=0).float()
    kernel[1:-1, [0, -1]] = 0
    kernel[[0, -1]] = torch.eye(NUM_FRAMES)[[0, -1]]
    return kernel / kernel.sum(1, keepdim=True)
