"""The oracle's eye: heat maps of who and what is where, learnt from drawn frames that have been made worse.

The oracle judges what a generator paints: soft, noisy, sometimes blobby. Frames are therefore blurred, warped,
recoloured and compressed; and what is half vanished, half blended or nothing at all is labelled as nothing, so that
an uncertain picture is unclear and not a class.
"""

from __future__ import annotations

import io
import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageFilter
from torch import Tensor, nn

from reasondiff.data.loader import SampleKey
from reasondiff.files import atomic_path
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.oracle.detector import SIDE, Detector, detect
from reasondiff.storyworld.render import draw_frame
from reasondiff.storyworld.stories import NUM_FRAMES, PAIRS, Take
from reasondiff.training.export import without_local_paths
from reasondiff.training.storyworld.oracle_scenes import (
    CLASSES,
    Item,
    Label,
    choose_item,
    draw_items,
    items_of,
    other_state,
    perturb_scene,
    roll_balls,
    visibility,
)
from reasondiff.training.storyworld.oracle_spoils import GHOST, SOLID, spoil

__all__ = ["OracleStage", "degrade", "heat_maps"]

_GRID = 16
_SHOWN, _HIDDEN = {True: 0.3, False: 0.45}, 0.05
"""An agent (True) or object (False) is to be seen from this share in sight on, and not to be seen below the last."""
_SOFT = 2.4, 3.2
"""Blurred by less than the first (a Gaussian, in pixels) a thing can still be told, by more than the last it cannot."""


class OracleStage:
    """A focal loss on heat maps, as for detecting things by their middle.

    Args:
        net: the network.
        batch: frames per step.
        perturbed: share of frames in which things are moved, dropped, doubled or covered.
        rolling: share of frames in which balls are turned.
        blended: share of frames that are two pictures in one.
        blurred: share of frames in which one thing has run into a blob.
        spoiled: share of frames in which one thing is a shade, smeared, of many colours or of wrong parts.
        clean: share of frames that are not made worse.
    """

    def __init__(
        self,
        net: Detector,
        *,
        batch: int = 96,
        perturbed: float = 0.5,
        rolling: float = 0.6,
        blended: float = 0.2,
        blurred: float = 0.08,
        spoiled: float = 0.3,
        clean: float = 0.15,
    ) -> None:
        self.net = net
        self.batch = batch
        self.perturbed = perturbed
        self.rolling = rolling
        self.blended = blended
        self.blurred = blurred
        self.spoiled = spoiled
        self.clean = clean
        self.takes = TakeSet("train", hard=0.4, pairs=PAIRS)
        self.dataset = self

    def trainable(self) -> dict[str, nn.Parameter]:
        return dict(self.net.named_parameters())

    def batch_size(self, step: int) -> int:
        return self.batch

    def draw(self, key: SampleKey) -> tuple[Tensor, Tensor, Tensor]:
        """A frame [3, 64, 64] in -1..1, heat maps and weights [classes, 16, 16]."""
        rng, generator = key.rng(), key.generator()
        take = self.takes[rng.randrange(2**31)]
        picture, labels = self._scene(take, rng)
        heat, weight = heat_maps(labels)
        frame = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        if rng.random() >= self.clean:
            frame = degrade(frame[None], generator)[0]
        return frame * 2 - 1, torch.from_numpy(heat), torch.from_numpy(weight)

    def collate(self, samples: Sequence[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        """The same with a batch dimension."""
        frames, heat, weight = (torch.stack(tensors) for tensors in zip(*samples, strict=True))
        return frames, heat, weight

    def _scene(self, take: Take, rng: random.Random) -> tuple[np.ndarray, list[Label]]:
        """A picture and what it shows."""
        frame = rng.randrange(NUM_FRAMES)
        if rng.random() < 0.6 and not take.visible(frame):  # empty scenes teach less
            with_agent = [other for other in range(NUM_FRAMES) if take.visible(other)]
            frame = rng.choice(with_agent or [frame])
        items = items_of(take, frame)
        if rng.random() < self.perturbed:
            items = perturb_scene(items, rng)
        if rng.random() < self.rolling:
            items = roll_balls(items, rng)
        labels = [Label(item, share) for item, share in zip(items, visibility(items), strict=True)]
        trick = rng.random()
        if not items:
            return np.asarray(draw_items(take, items)), labels
        if trick < self.blended:
            return _blend(take, items, labels, rng)
        if trick < self.blended + self.blurred:
            return _blur_item(take, items, labels, rng)
        if trick < self.blended + self.blurred + self.spoiled:
            return spoil(take, items, labels, rng)
        return np.asarray(draw_items(take, items)), labels

    def loss(self, inputs: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        frames, heat, weight = inputs
        logits = self.net(frames).float()
        return {"loss": focal_loss(logits, heat, weight)}

    def validate(self, folder: Path) -> dict[str, float]:
        """On frames of unseen takes: what is found, what is mistaken, and what is seen that is not there."""
        takes = TakeSet("validation", hard=0.5, pairs=PAIRS)
        found = there = strangers = frames = 0
        self.net.eval()
        for index in range(150):
            take, rng = takes[index], takes.rng(index, "oracle")
            chosen = [rng.randrange(NUM_FRAMES) for _ in range(4)]
            video = np.stack([np.asarray(draw_frame(take, frame)) for frame in chosen])
            for frame, detections in zip(chosen, detect(self.net, video), strict=True):
                items = items_of(take, frame)
                names = {detection.name for detection in detections if detection.score >= 0.5}
                shown = {i.name for i, share in zip(items, visibility(items), strict=True) if share >= 0.6}
                found, there = found + len(shown & names), there + len(shown)
                strangers, frames = strangers + len(names - {item.name for item in items}), frames + 1
        self.net.train()
        return {"found": round(found / there, 4), "strangers_per_frame": round(strangers / frames, 4)}

    def export(self, model: Path) -> None:
        """Write the network's config and weights into ``model`` itself."""
        model.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            without_local_paths(self.net.eval()).save_pretrained(scratch)
            for file in Path(scratch).iterdir():
                with atomic_path(model / file.name) as whole:
                    shutil.copyfile(file, whole)


def _blend(take: Take, items: list[Item], labels: list[Label], rng: random.Random) -> tuple[np.ndarray, list[Label]]:
    """The picture of ``items`` mixed with one in which one thing is gone, in its other state, or somewhere else.

    A thing that has hardly moved is only smeared, as by a video autoencoder, and is still there.
    """
    index = choose_item(items, rng, agents=0.7)
    item = items[index]
    smeared = item.is_agent and rng.random() < 0.3
    instead = [replace(item, x=item.x + rng.uniform(-6, 6))] if smeared else _instead_of(item, rng)
    others = [*items[:index], *instead, *items[index + 1 :]]
    share = rng.uniform(0.55, 1) if smeared else rng.uniform(0.2, 1)
    picture = Image.blend(draw_items(take, others), draw_items(take, items), share)
    if smeared:
        return np.asarray(picture), labels

    kept = [one if one.item in others else replace(one, strength=share) for one in labels]
    seen = zip(others, visibility(others), strict=True)
    new = [Label(one, part, 1 - share) for one, part in seen if one not in items]
    return np.asarray(picture), [*kept, *new]


def _instead_of(item: Item, rng: random.Random) -> list[Item]:
    """What another picture has in an item's place: the same farther on, its other state, or nothing."""
    if item.is_agent and rng.random() < 0.4:
        return [replace(item, x=item.x + rng.choice((-1, 1)) * rng.uniform(8, 20))]
    if rng.random() < 0.3 or item.is_agent or not item.name:
        return []
    return [replace(item, name=other_state(item.name))]


def _blur_item(
    take: Take, items: list[Item], labels: list[Label], rng: random.Random
) -> tuple[np.ndarray, list[Label]]:
    """The picture of ``items`` with one of them blurred so much that its kind is hard or impossible to tell."""
    index = choose_item(items, rng, agents=0.7)
    radius = rng.uniform(2, 4.5)
    picture = draw_items(take, items)
    rest = draw_items(take, [*items[:index], *items[index + 1 :]])
    outline = ImageChops.difference(picture, rest).convert("L").point(lambda value: 255 if value > 4 else 0)
    around = outline.filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.GaussianBlur(1.5))
    soft = picture.filter(ImageFilter.GaussianBlur(radius))
    blurred = replace(labels[index], strength=_strength_of_blur(radius))
    return np.asarray(Image.composite(soft, picture, around)), [*labels[:index], blurred, *labels[index + 1 :]]


def _strength_of_blur(radius: float) -> float:
    if radius < _SOFT[0]:
        return 1.0
    return GHOST if radius < _SOFT[1] else 0.0


def heat_maps(labels: list[Label]) -> tuple[np.ndarray, np.ndarray]:
    """Heat maps and weights, float32 [classes, 16, 16]: 1 at the middle of what is clearly there, weight 0 near what
    is neither clearly there nor clearly not.
    """
    heat = np.zeros((len(CLASSES), _GRID, _GRID), np.float32)
    weight = np.ones_like(heat)
    grid = np.arange(_GRID) + 0.5
    for one in labels:
        if not one.item.name or one.share < _HIDDEN or one.strength < GHOST:
            continue
        kind = CLASSES.index(one.item.name)
        x, y = (coordinate * _GRID / SIDE for coordinate in one.item.middle)
        square = (grid[None] - x) ** 2 + (grid[:, None] - y) ** 2
        if one.share >= _SHOWN[one.item.is_agent] and one.strength >= SOLID:
            bump = np.exp(-square / (2 * 0.8**2)).astype(np.float32)
            bump[int(y), int(x)] = 1.0
            heat[kind] = np.maximum(heat[kind], bump)
        else:
            weight[kind][square < 2.5**2] = 0
    weight[heat == 1] = 1
    return heat, weight


def focal_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Every middle counts once; the cells around one count little, being almost right."""
    p = logits.sigmoid()
    hit = heat == 1
    gain = F.logsigmoid(logits) * (1 - p) ** 2
    loss = F.logsigmoid(-logits) * p**2 * (1 - heat) ** 4
    return -(torch.where(hit, gain, loss) * weight).sum() / hit.sum().clamp(min=1)


# -- making frames worse ----------------------------------------------------------------------------------------------


def degrade(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Frames [batch, 3, 64, 64] in 0..1, recoloured, warped, blurred, blotched or compressed, each its own way."""
    count = len(frames)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator)

    def some(share: float) -> Tensor:
        return (uniform(0, 1, 1, 1, 1) < share).float()

    # Colour: a random mixture of the channels, down to grey; then brightness, contrast and gamma.
    mixing = torch.eye(3) + some(0.5).view(-1, 1, 1) * uniform(0, 1, 1, 1) * (
        torch.softmax(3 * normal(3, 3), -1) - torch.eye(3)
    )
    grey = torch.tensor([0.299, 0.587, 0.114]).expand(3, 3) - torch.eye(3)
    mixing = mixing + some(0.3).view(-1, 1, 1) * uniform(0.5, 1, 1, 1).clamp(max=0.9) / 0.9 * (grey @ mixing)
    frames = torch.einsum("bij,bjhw->bihw", mixing, frames)
    contrast, gamma = 1 + some(0.5) * uniform(-0.4, 0.2, 1, 1, 1), torch.exp(some(0.4) * uniform(-0.5, 0.5, 1, 1, 1))
    frames = ((frames - 0.5) * contrast + 0.5 + some(0.5) * uniform(-0.12, 0.12, 1, 1, 1)).clamp(0, 1) ** gamma

    # Shape: a little larger, smaller, shifted and wobbling.
    theta = torch.eye(2, 3).repeat(count, 1, 1)
    theta[:, 0, 0] *= 1 + uniform(-0.07, 0.07)
    theta[:, 1, 1] *= 1 + uniform(-0.07, 0.07)
    theta[:, :, 2] = uniform(-0.04, 0.04, 2)
    wobble = F.interpolate(normal(2, 8, 8), (SIDE, SIDE), mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
    amount = (some(0.6) * uniform(0, 1.3, 1, 1, 1)).view(-1, 1, 1, 1) * 2 / SIDE
    places = F.affine_grid(theta, list(frames.shape), align_corners=False) + amount * wobble
    warped = F.grid_sample(frames, places, padding_mode="border", align_corners=False)
    frames = torch.where(some(0.7) > 0, warped, frames)

    # Softness: blur, often of a part of the picture only, as video autoencoders blur what moves; and fewer pixels.
    soft = _blur(frames, (some(0.6) * uniform(0.3, 1.9, 1, 1, 1)).view(-1))
    part = F.interpolate(4 * normal(1, 4, 4), (SIDE, SIDE), mode="bicubic", align_corners=False).sigmoid()
    frames = torch.lerp(frames, soft, torch.maximum(part, some(0.5)))
    side = int(torch.randint(24, 49, (), generator=generator))
    coarse = F.interpolate(
        F.interpolate(frames, (side, side), mode="bilinear", antialias=True), (SIDE, SIDE), mode="bilinear"
    )
    frames = torch.where(some(0.25) > 0, coarse, frames)

    # Blotches and noise.
    cells = int(torch.randint(6, 24, (), generator=generator))
    blotches = F.interpolate(normal(3, cells, cells), (SIDE, SIDE), mode="bicubic", align_corners=False)
    frames = frames + some(0.35) * uniform(0, 0.07, 1, 1, 1) * blotches
    frames = (frames + some(0.5) * uniform(0, 0.1, 1, 1, 1) * normal(3, SIDE, SIDE)).clamp(0, 1)

    for index in torch.nonzero(uniform(0, 1) < 0.12).flatten().tolist():
        quality = int(torch.randint(15, 75, (), generator=generator))
        frames[index] = _compress(frames[index], quality)
    return frames


def _blur(frames: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian of its own width (pixels; 0 for none) for every frame."""
    reach = torch.arange(-5, 6, dtype=torch.float32)
    kernel = torch.exp(-(reach**2) / (2 * sigma.clamp(min=0.05)[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None, None]
    flat = F.pad(frames.reshape(1, -1, SIDE, SIDE), (5, 5, 5, 5), mode="replicate")
    groups = flat.shape[1]
    flat = F.conv2d(F.conv2d(flat, kernel, groups=groups), kernel.transpose(2, 3), groups=groups)
    return flat.reshape(frames.shape)


def _compress(frame: Tensor, quality: int) -> Tensor:
    pixels = (frame * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(buffer).convert("RGB")).copy()).permute(2, 0, 1).float() / 255
