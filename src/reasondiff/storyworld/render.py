"""Draws a take: 33 frames of 64 x 64 pixels, with Pillow at four times the size and reduced."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reasondiff.storyworld.palette import COLOURS, FLOORS, WALLS, shade
from reasondiff.storyworld.sprites import AGENT_SPRITES, OBJECT_SPRITES, Pen, wall_window
from reasondiff.storyworld.stories import NUM_FRAMES, OBJECT_FOOT, SIZE, Pose, Take

__all__ = ["draw", "draw_backdrop", "draw_frame"]

_SUPERSAMPLE = 4


def draw(take: Take) -> np.ndarray:
    """All frames of ``take``: uint8 [33, 64, 64, 3]."""
    return np.stack([np.asarray(draw_frame(take, frame)) for frame in range(NUM_FRAMES)])


def draw_frame(take: Take, frame: int) -> Image.Image:
    """One frame of ``take``: RGB, 64 x 64."""
    canvas = _backdrop(take)
    pen = ImageDraw.Draw(canvas)
    if take.has_wall_window:
        is_open = take.story.at_window and frame >= take.phases["act"].start
        wall_window(Pen(pen, take.window_x, take.horizon - 19), shade(WALLS[take.wall], -0.45), is_open)
    behind = take.variant == "behind"
    if behind:
        _agent(pen, take, take.agent_pose(frame), take.story.agent, take.agent_colour)
    if take.bystander is not None:
        pose = take.bystander_pose(frame)
        _agent(pen, take, pose, take.bystander.agent, take.bystander_colour)
        if take.variant == "two_objects":
            sprite = OBJECT_SPRITES[take.bystander.object, take.bystander.states[0]]
            sprite(Pen(pen, take.bystander_x, OBJECT_FOOT), COLOURS[take.bystander_colour], COLOURS[take.accent])
    sprite = OBJECT_SPRITES[take.story.object, take.object_state(frame)]
    place = Pen(pen, take.object_x, take.object_y, take.object_scale, take.object_facing)
    sprite(place, COLOURS[take.object_colour], COLOURS[take.accent])
    if not behind:
        _agent(pen, take, take.agent_pose(frame), take.story.agent, take.agent_colour)
    return canvas.reduce(_SUPERSAMPLE)


def draw_backdrop(take: Take) -> Image.Image:
    """The place of ``take`` with nothing in it: RGB, 64 x 64."""
    return _backdrop(take).reduce(_SUPERSAMPLE)


def _backdrop(take: Take) -> Image.Image:
    k, floor = _SUPERSAMPLE, FLOORS[take.floor]
    canvas = Image.new("RGB", (SIZE * k,) * 2, WALLS[take.wall])
    pen = ImageDraw.Draw(canvas)
    pen.rectangle([0, take.horizon * k, SIZE * k, SIZE * k], fill=floor)
    if take.story.scene == "room":
        pen.rectangle([0, (take.horizon - 2) * k, SIZE * k, take.horizon * k], fill=shade(WALLS[take.wall], -0.25))
    else:  # a road with a line, and a hill far away
        pen.ellipse([4 * k, (take.horizon - 7) * k, 46 * k, (take.horizon + 9) * k], fill=shade(floor, -0.15))
        pen.rectangle([0, take.horizon * k, SIZE * k, SIZE * k], fill=floor)
        pen.rectangle([0, 50 * k, SIZE * k, SIZE * k], fill=shade(floor, -0.4))
    return canvas


def _agent(pen: ImageDraw.ImageDraw, take: Take, pose: Pose | None, agent: str, colour: str) -> None:
    if pose is not None:
        place = Pen(pen, pose.x, pose.y, take.agent_scale, pose.facing)
        AGENT_SPRITES[agent](place, COLOURS[colour], pose.acting)
