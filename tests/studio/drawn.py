"""A server whose videos are drawn, not generated: everything that a page sees of one, within seconds and without torch.

python -m tests.studio.drawn FOLDER PORT

Stories are told from a script and a step takes a tenth of a second; queue, files, events and restarts are real.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image, ImageDraw

from reasondiff.errors import StoppedError
from reasondiff.media import GenerationRecord, SheetRow, contact_sheet, read_video, write_video
from reasondiff.media.storyboard import clip_spans
from reasondiff.narrative import Narrative
from reasondiff.narrative.editing import set_description
from reasondiff.narrative.place import place_images
from reasondiff.server.api.app import create_app
from reasondiff.server.jobs import Job, Kind
from reasondiff.server.leases import Leases
from reasondiff.server.pictures import animation, spritesheet, thumbnail
from reasondiff.server.worker import BEFORE, Made, Watch, Worker
from reasondiff.web.listening import listen
from tests.server.fakes import MODEL
from tests.server.harness import service

STEP_SECONDS = 0.1
LEASE_SECONDS = 4.0
COLOURS = ("#2f6f8f", "#a4582a", "#4b7a3a", "#8a4f8f", "#8a7a1f")


class DrawnMaker:
    """See ``Maker``.

    Args:
        kinds: of the jobs that it does.
    """

    models = (MODEL,)

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds

    def make(self, job: Job, images: Sequence[bytes], folder: Path, watch: Watch) -> Made:
        """See ``Maker``."""
        pictures = [Image.open(BytesIO(image)).convert("RGB").resize((64, 64)) for image in images]
        told = Narrative.from_dict(job.narrative) if job.narrative is not None else _story(job, 0)
        watch.on_stage("narrate")
        if job.kind == "story":
            time.sleep(0.5)
            if "clip" in job.order.options:
                clip = int(job.order.options["clip"]) - 1
                told = set_description(told, clip, f"{told.clips[clip].description} Told again.")
            else:
                others = [_story(job, number).to_dict() for number in (1, 2)]
                told = replace(told, provenance={"candidates": others})
            return Made({}, {"narrative": told.to_dict()})
        watch.on_narrative(told.to_dict())
        frames = _frames(told, pictures, job.seed)
        if job.order.redo is not None:
            clip = told.clips[job.order.redo.clip - 1]
            kept = read_video(folder / BEFORE).frames.copy()
            kept[clip.start : clip.end] = frames[clip.start : clip.end]
            frames = kept
        watch.on_stage("denoise")
        steps = int(job.order.options.get("num_inference_steps", 20))
        for step in range(steps):
            time.sleep(STEP_SECONDS)
            if watch.stop.is_set():
                raise StoppedError("The job was stopped.")
            _preview(frames, 1 - (step + 1) / steps).save(folder / "preview.png")
            watch.on_step(step + 1, steps)
            watch.on_preview(folder / "preview.png")
        watch.on_stage("decode")
        record = GenerationRecord(
            model=MODEL, prompt=job.order.prompt, narrative=told.to_dict(), options={"num_inference_steps": steps},
            seed=job.seed, threads=1, versions={}, weights={}, image_sha256="",
        ).with_images(pictures)  # fmt: skip
        return Made(_files(told, frames, record, folder), {"narrative": told.to_dict()})


def _story(job: Job, number: int) -> Narrative:
    """One of the narrator's ideas; the images are placed from the end, in other ideas elsewhere."""
    frames = job.order.num_frames
    edges = [round(frames * share) for share in (0.2, 0.45, 0.7, 1)]
    texts = ("A vase stands on the floor.", job.order.prompt, "The vase falls.", "Shards lie there, nobody is left.")
    ends = [(end, f"{text} Idea {number + 1}." if number else text) for end, text in zip(edges, texts, strict=True)]
    story = Narrative.from_ends(ends, 0, frames, reasoning=f"Shards come after a fall ({number + 1}).")
    last = frames - 1 - 8 * number
    story = story.with_images({image: last - 2 * image for image in range(len(job.order.places))})
    return place_images(story, job.order.places)


def _frames(story: Narrative, pictures: Sequence[Image.Image], seed: int) -> np.ndarray:
    """A ball that rolls over the colour of each clip; the images in their places."""
    places = {anchor.frame: anchor.image for anchor in story.anchors}
    frames = []
    for frame in range(story.num_frames):
        clip = next(number for number, each in enumerate(story.clips) if frame in each)
        picture = Image.new("RGB", (64, 64), COLOURS[clip % len(COLOURS)])
        x, y = 60 * frame // story.num_frames, 20 + 7 * (seed % 4)
        ImageDraw.Draw(picture).ellipse((x - 6, y - 6, x + 6, y + 6), fill="#ffffff")
        frames.append(np.asarray(pictures[places[frame]] if frame in places else picture))
    return np.stack(frames)


def _preview(frames: np.ndarray, noise: float) -> Image.Image:
    """Every fourth frame, small and noisy."""
    small = frames[::4, ::8, ::8]
    rough = np.random.default_rng(0).integers(0, 256, small.shape)
    mixed = ((1 - noise) * small + noise * rough).astype(np.uint8)
    return Image.fromarray(np.concatenate(list(mixed), axis=1))


def _files(story: Narrative, frames: np.ndarray, record: GenerationRecord, folder: Path) -> dict[str, Path]:
    narrative, recorded, sheet = folder / "narrative.json", folder / "record.json", folder / "sheet.png"
    write_video(folder / "video.mp4", frames, 5, record)
    narrative.write_text(json.dumps(story.to_dict()))
    recorded.write_text(record.to_json(with_image=False))
    contact_sheet([SheetRow(record.prompt, frames, anchor=story.anchor_frame, clips=clip_spans(story))], sheet)
    return {
        "video": folder / "video.mp4",
        "thumbnail": thumbnail(frames[story.anchor_frame], folder / "thumbnail.webp"),
        "spritesheet": spritesheet(frames, folder / "spritesheet.jpg"),
        "contact_sheet": sheet,
        "gif": animation(frames, 5, folder / "video.gif"),
        "narrative": narrative,
        "record": recorded,
    }


def main() -> None:
    """Serve until a signal comes."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    parts = service(folder)
    leases = Leases(parts.queue.database, lease_seconds=LEASE_SECONDS)
    for kind in ("story", "video"):
        worker = Worker(kind, leases, parts.storage, DrawnMaker((kind,)), folder / kind, poll_seconds=0.1)
        threading.Thread(target=worker.run, daemon=True).start()
    listener = listen("127.0.0.1", port)
    print(f"drawn at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server = uvicorn.Server(uvicorn.Config(create_app(parts), log_level="error", timeout_graceful_shutdown=1))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
