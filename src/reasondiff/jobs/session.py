"""One video from start to finish, as ``generate``, ``replay`` and ``cases`` make it."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasondiff import __version__
from reasondiff.checkpoints import file_hash, find_model, model_hashes
from reasondiff.cli.terminal.stage_bars import StageBars

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from reasondiff.media import Recipe
    from reasondiff.narrative import Narrative
    from reasondiff.pipeline.latent_preview import LatentPreview
    from reasondiff.pipeline.magcache import MagRatios

__all__ = ["Made", "Maker"]


@dataclass(frozen=True)
class Made:
    """A video and how it came about.

    Args:
        frames: uint8 [frames, height, width, 3].
        fps: frames per second when played.
        pace: frames per second of the story.
        narrative: the story it tells.
        recipe: all that is needed to make it again.
        seconds: by stage.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    pace: float
    narrative: Narrative
    recipe: Recipe
    seconds: Mapping[str, float]


class Maker:
    """A loaded model.

    Args:
        model: a name, a folder or a hub id.
        narrator: ``NAME[:MODEL]``; None for ``openai`` where a ``url`` is given, else for the model's own.
        preset: how it is loaded and run; None for the model as it is on a CPU, and on a GPU for the first that fits.
        revision: of a model on the hub.
        adapter: a folder or hub id, with ``@revision`` if it is to stay.
        transformer: one file instead of the model's own.
        ratios: MagCache's, instead of the preset's step cache.
        measuring: without compilation and step cache, so that every block runs and can be watched.
        job: what will be made, for whether it fits into the GPU's memory.
        narrator_options: for ``load_narrator``.

    Raises:
        CheckpointError: the model cannot be loaded.
        InputError: it does not fit into the GPU's memory, or a folder was given a revision.
    """

    def __init__(
        self,
        model: str,
        narrator: str | None = None,
        *,
        preset: str | None = None,
        revision: str | None = None,
        adapter: str | None = None,
        transformer: Path | None = None,
        measuring: bool = False,
        ratios: MagRatios | None = None,
        job: Mapping[str, Any] | None = None,
        **narrator_options: Any,
    ) -> None:
        found, started = find_model(model), time.perf_counter()
        import torch
        from diffusers.utils import logging as diffusers_logging
        from transformers.utils import logging as transformers_logging

        diffusers_logging.disable_progress_bar()  # ours shows the stages of a video; theirs, files of a folder
        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()

        from reasondiff.narrator import load_narrator
        from reasondiff.pipeline import ReasonDiffPipeline
        from reasondiff.pipeline.loading import load_preset
        from reasondiff.planning.fitting import preset_for

        imported = time.perf_counter()
        self.name = model
        named = narrator or ("openai" if narrator_options.get("url") else None)  # an address alone is meant, too
        own = load_narrator(named, **narrator_options) if named else None
        device = "cuda" if torch.cuda.is_available() else "cpu"
        chosen = preset_for(model, preset, job or {}, revision)
        self.how = {
            "preset": chosen.name if chosen else None,
            "revision": revision,
            "adapter": adapter,
            "transformer": None if transformer is None else str(transformer),
        }
        self.ratios = ratios
        parts: dict[str, Any] = {} if transformer is None else {"transformer": transformer}
        if chosen is not None:
            if measuring:
                chosen = replace(chosen, compiled=False, step_cache=None)
            self.pipe = load_preset(found, chosen, device, adapter=adapter, revision=revision, **parts)
        else:
            self.pipe = ReasonDiffPipeline.from_pretrained(found, revision=revision, **parts)
            self.pipe.to(device)
            if adapter is not None:
                self.pipe.load_adapter(adapter)
        self.pipe.set_progress_bar_config(disable=True)
        if own is not None:
            self.pipe.narrator = own
        self._hashes: Future[dict[str, str]] | None = None
        self._hashed = partial(_hashes_of, _folder_of(found, revision), adapter, transformer)
        self.seconds = {"imports": imported - started, "model": time.perf_counter() - imported}

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of every file that was loaded; the first time, hashing a large model takes a minute."""
        return self._hashing().result()

    def _hashing(self) -> Future[dict[str, str]]:
        self._hashes = self._hashes or _aside(self._hashed)
        return self._hashes

    def make(
        self,
        image: Image.Image,
        prompt: str,
        *,
        seed: int,
        bars: StageBars,
        narrative: Narrative | None = None,
        fps: float | None = None,
        size: tuple[int, int | None] | None = None,
        embed: bool = True,
        preview: LatentPreview | None = None,
        **options: Any,
    ) -> Made:
        """Generate one video.

        Args:
            image: in mode RGB.
            prompt: the user's text; may be empty where a narrative is given.
            seed: of the noise.
            bars: show the progress.
            narrative: the story, instead of asking the narrator.
            fps: of playback; None for the time base the story is told in.
            size: see ``checks.size``; None for the model's area at the image's aspect.
            embed: put the prepared image into the recipe.
            preview: draws the video while it is made.
            options: for the pipeline; None leaves one to the model.
        """
        import torch

        from reasondiff.media import Recipe

        self._hashing()
        options |= self.measures(image, size)
        if self.ratios is not None:
            self._enable_magcache(self.ratios, image, narrative, options)

        def on_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if preview is not None:
                preview(pipe, step, timestep, tensors)
            bars.on_step(pipe, step, timestep, tensors)
            return {}

        output = self.pipe(
            image=image, prompt=prompt, narrative=narrative, seed=seed, output_type="uint8", on_stage=bars.on_stage,
            callback_on_step_end=on_step, callback_on_step_end_tensor_inputs=preview.inputs if preview else (),
            **options,
        )  # fmt: skip
        story, settings = output.stories[0], asdict(output.settings)
        pace = 1 / output.settings.interval
        ratios = " ".join(map(repr, self.ratios.ratios)) if self.ratios is not None else None
        where = {"device": str(self.pipe.device), "dtype": str(self.pipe.dtype)}
        recipe = Recipe(
            model=self.name,
            prompt=prompt,
            narrative=story.narrative.to_dict(),
            options={**settings, "fps": fps or pace, **where, **self.how, "mag_ratios": ratios},
            seed=seed,
            threads=torch.get_num_threads(),
            versions=_versions(),
            weights=self.weights,
            image_sha256="",
        ).with_image(story.image, embed=embed)
        return Made(output.frames[0], fps or pace, pace, story.narrative, recipe, bars.seconds)

    def measures(self, image: Image.Image, size: tuple[int, int | None] | None) -> dict[str, int]:
        """Width and height from ``checks.size``; none where they are left to the model."""
        from reasondiff.pipeline import frame_size

        if size is None:
            return {}
        width, height = size
        if height is None:
            width, height = frame_size(image.size, width**2, self.pipe.pixels_per_token)
        return {"width": width, "height": height}

    def _enable_magcache(
        self, ratios: MagRatios, image: Image.Image, narrative: Narrative | None, options: dict[str, Any]
    ) -> None:
        taken = {key: value for key, value in options.items() if key not in ("position", "anchor", "progress")}
        steps = self.pipe.settings(image, narrative, **taken).num_inference_steps
        transformer = self.pipe.transformer
        if transformer.is_cache_enabled:
            transformer.disable_cache()
        transformer.enable_cache(ratios.config(steps))


def _aside(work: Callable[[], dict[str, str]]) -> Future[dict[str, str]]:
    """Do ``work`` beside what comes next; a program that ends does not wait for it."""
    future: Future[dict[str, str]] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _hashes_of(folder: Path, adapter: str | None, transformer: Path | None) -> dict[str, str]:
    from reasondiff.backends.wan.components import fetched

    hashes = model_hashes(folder)
    if adapter is not None:
        hashes |= {f"adapter/{name}": value for name, value in model_hashes(fetched(adapter)).items()}
    if transformer is not None:
        hashes[f"--transformer {transformer.name}"] = file_hash(transformer)
    return hashes


def _folder_of(found: str, revision: str | None) -> Path:
    """Where a model's files lie; ``from_pretrained`` has put a hub model into the hub's cache."""
    if Path(found).is_dir():
        return Path(found)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(found, revision=revision, local_files_only=True))


def _versions() -> dict[str, str]:
    libraries = ("torch", "diffusers", "transformers", "numpy", "pillow", "av")
    return {
        "reasondiff": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
    }
