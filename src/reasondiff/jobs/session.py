"""A loaded model that makes videos from requests, whoever asks: the command line, a server, a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from reasondiff.errors import InputError
from reasondiff.jobs.inputs import Inputs, check_names
from reasondiff.jobs.loading import (
    check_room,
    enough_memory,
    hashes_of,
    load_model,
    named_narrator,
    preset_of,
    silence_libraries,
)
from reasondiff.jobs.options import options_of
from reasondiff.jobs.picking import AUTO, picked, warn_of_position
from reasondiff.jobs.progress import Reporter, StageProgress
from reasondiff.jobs.record import recorded_options, resolved, versions
from reasondiff.jobs.request import VideoRequest

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from reasondiff.backends.wan.adapters import AdapterState
    from reasondiff.media import GenerationRecord
    from reasondiff.media.joins import Join
    from reasondiff.narrative import Narrative
    from reasondiff.pipeline import ReasonDiffOutput, ReasonDiffPipeline
    from reasondiff.pipeline.any_model import Pipeline
    from reasondiff.pipeline.denoising_checkpoint import DenoisingCheckpoint
    from reasondiff.pipeline.kept_video import KeptVideo
    from reasondiff.pipeline.latent_preview import LatentPreview
    from reasondiff.pipeline.magcache import MagRatios

__all__ = ["GeneratedVideo", "VideoSession"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class GeneratedVideo:
    """A video and how it came about.

    Args:
        frames: uint8 [frames, height, width, 3].
        fps: frames per second when played.
        pace: frames per second of the story.
        narrative: the story it tells.
        record: all that is needed to make it again.
        seconds: by stage.
        first_step: denoising steps that an earlier, killed run had done.
        latents: of which the frames were decoded [1, channels, latent_frames, height, width]; None of sections.
        joins: where parts of it meet, that were not made at once.
    """

    frames: np.ndarray = field(repr=False)
    fps: float
    pace: float
    narrative: Narrative
    record: GenerationRecord
    seconds: Mapping[str, float]
    first_step: int = 0
    latents: Tensor | None = field(default=None, repr=False)
    joins: tuple[Join, ...] = ()

    def save(self, path: str | Path) -> None:
        """Write an MP4 that carries the record; where it cannot be written, the nearest place that can keeps it.

        Raises:
            OutputError: it cannot be written there; says where it is kept.
        """
        from reasondiff.files import write_or_keep
        from reasondiff.media import write_video

        write_or_keep(path, partial(write_video, frames=self.frames, fps=self.fps, record=self.record))


class VideoSession:
    """A loaded model. Sessions share nothing; the jobs of one take turns.

    Args:
        request: whose options of the group "model" say what is loaded and where; the others, which preset fits.
        measuring: without compilation and step cache, so that every block runs and can be watched.
        ratios: MagCache's, where they do not come from the request's file.

    Raises:
        CheckpointError: the model cannot be loaded.
        InputError: it does not fit into the GPU's memory, or a name is unknown; names are looked at first.
    """

    def __init__(self, request: VideoRequest, *, measuring: bool = False, ratios: MagRatios | None = None) -> None:
        self.asked, request = request, picked(request)
        check_names(request)
        narrator = named_narrator(request)
        began = time.perf_counter()
        silence_libraries()
        from reasondiff.pipeline.magcache import MagRatios

        imported = time.perf_counter()
        self.request = request
        self.ratios = MagRatios.read(request.mag_ratios) if request.mag_ratios is not None else ratios
        self.preset = preset_of(request)
        check_room(request, self.preset)
        self.pipeline: Pipeline = load_model(request, self.preset, measuring=measuring)
        warn_of_position(request)
        if narrator is not None:
            self.pipeline.narrator = narrator
        self._loaded = _changeable(self.pipeline)
        self._turn = threading.Lock()
        self._hashes: Future[dict[str, str]] | None = None
        self.seconds: Mapping[str, float] = {"imports": imported - began, "model": time.perf_counter() - imported}

    @property
    def pipe(self) -> ReasonDiffPipeline:
        """The pipeline of a model of Wan's kind, for what works on no other.

        Raises:
            InputError: the model is another.
        """
        from reasondiff.pipeline import ReasonDiffPipeline

        if not isinstance(self.pipeline, ReasonDiffPipeline):
            raise InputError(f"This is for models of Wan's kind, and {self.request.model!r} is none; give another.")
        return self.pipeline

    @property
    def weights(self) -> dict[str, str]:
        """SHA-256 of every file that was loaded; the first time, hashing a large model takes a minute."""
        return self._hashing().result()

    def generate(
        self,
        request: VideoRequest,
        inputs: Inputs | None = None,
        *,
        progress: StageProgress | None = None,
        stop: threading.Event | None = None,
        checkpoint: DenoisingCheckpoint | None = None,
        preview: LatentPreview | None = None,
        keeping: KeptVideo | None = None,
    ) -> GeneratedVideo:
        """Make one video.

        Args:
            request: with the model that is loaded here.
            inputs: read already; None to read what the request names.
            progress: is told of stages and steps.
            stop: when it is set, the job ends after the step it is in.
            checkpoint: keeps the denoising on disk; the same call after a kill goes on where it was.
            preview: draws the video while it is made.
            keeping: a finished video of which a part is held, see ``jobs.redo``.

        Raises:
            InputError: an option cannot be used, or another model is asked for.
            NarrationError: the narrator gave no usable story.
            StoppedError: as asked.
        """
        self._hashing()
        request = self._with_model(request)
        inputs = inputs if inputs is not None else Inputs.read(request)
        shown = preview.inputs if preview is not None else ()

        def make(arguments: Mapping[str, Any], reporter: Reporter) -> ReasonDiffOutput:
            def on_step(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                if preview is not None:
                    preview(pipe, step, timestep, tensors)
                return reporter.on_step(pipe, step, timestep, tensors)

            return self.pipeline(
                **arguments, output_type="uint8", keeping=keeping, progress=checkpoint, on_stage=reporter.on_stage,
                callback_on_step_end=on_step, callback_on_step_end_tensor_inputs=shown,
            )  # fmt: skip

        output, reporter = self.run(make, request, inputs, progress=progress, stop=stop)
        if checkpoint is not None and not reporter.stepped:  # killed after the last step
            reporter.first_step = int(getattr(self.pipeline, "num_timesteps", output.settings.num_inference_steps))
        story, pace = output.stories[0], 1 / output.settings.interval
        whole = resolved(request, output.settings, fps=request.fps or pace)
        return GeneratedVideo(
            frames=output.frames[0],
            fps=request.fps or pace,
            pace=pace,
            narrative=story.narrative,
            record=self._record(whole, inputs, output),
            latents=output.latents,
            joins=output.joins,
            seconds=reporter.seconds,
            first_step=reporter.first_step,
        )

    def narrate(
        self,
        request: VideoRequest,
        inputs: Inputs,
        *,
        progress: StageProgress | None = None,
        stop: threading.Event | None = None,
    ) -> Narrative | None:
        """The story that ``generate`` would tell, for whoever wants to keep or to see it before the long work begins.

        Args:
            request: as for ``generate``.
            inputs: as for ``generate``.
            progress: as for ``generate``.
            stop: as for ``generate``.

        Returns:
            The given story, if there is one; None where nobody would be asked.

        Raises:
            InputError: an option cannot be used.
            NarrationError: the narrator gave no usable story.
        """
        if inputs.narrative is not None or "narrate" in self._idle_stages(request, inputs):
            return inputs.narrative

        def tell(arguments: Mapping[str, Any], reporter: Reporter) -> Narrative:
            reporter.on_stage("narrate")
            settings = self.pipeline.settings(inputs.image, **self.settings_of(request, inputs))
            story = self.pipeline.narrate(
                inputs.image, inputs.prompt, None, settings, request.position, request.anchor, inputs.frame_images
            )
            return story.narrative

        return self.run(tell, request, inputs, progress=progress, stop=stop)[0]

    def run(
        self,
        work: Callable[[Mapping[str, Any], Reporter], Result],
        request: VideoRequest,
        inputs: Inputs,
        *,
        progress: StageProgress | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[Result, Reporter]:
        """Do something with the pipeline in this session's turn: ``generate``, or what watches or measures it.

        Args:
            work: is given the pipeline's arguments for this request, and what its callbacks report to.
            request: with the model that is loaded here.
            inputs: the image and the text or story.
            progress: as for ``generate``.
            stop: as for ``generate``.
        """
        request = self._with_model(request)
        if not self.holds(request):
            raise InputError(f"This session holds another model than {request.model!r}; start a session for it.")
        with self._turn, enough_memory():
            arguments = self.arguments(request, inputs)
            reporter = Reporter(progress, stop, self._idle_stages(request, inputs))
            if self.ratios is not None:
                self._enable_magcache(self.ratios, request, inputs)
            result = work(arguments, reporter)
            reporter.finish()
        return result, reporter

    def holds(self, request: VideoRequest) -> bool:
        """Whether what a request wants to be loaded is what is loaded here."""
        return _of_group(self._with_model(request), "model") == _of_group(self.request, "model")

    def _with_model(self, request: VideoRequest) -> VideoRequest:
        """A request that leaves the choice of the model gets the one that was chosen here."""
        chosen_here = request.model == self.asked.model == AUTO
        return replace(request, model=self.request.model) if chosen_here else request

    def unusual(self) -> dict[str, str]:
        """How the model is run and who tells, where that is not the usual, as texts; beside the weights it decides."""
        how = {"preset": self.preset.name if self.preset is not None else None, "narrator": self.request.narrator}
        if self.request.lora is not None:
            how["lora_scale"] = f"{self.request.lora_scale:g}"
        return {name: value for name, value in how.items() if value is not None}

    def arguments(self, request: VideoRequest, inputs: Inputs) -> dict[str, Any]:
        """The pipeline's arguments for a request."""
        placed = {"position": request.position, "anchor": request.anchor, "seed": request.seed}
        told: dict[str, Any] = {"prompt": inputs.prompt, "narrative": inputs.narrative}
        told |= {"frame_images": inputs.frame_images} if inputs.frame_images else {"image": inputs.image}
        return told | placed | self.settings_of(request, inputs)

    def settings_of(self, request: VideoRequest, inputs: Inputs) -> dict[str, Any]:
        """The request's options of the group "video", as fields of the pipeline's ``Settings``; None is left to it."""
        given = _of_group(request, "video")
        del given["seed"], given["size"]  # the size becomes a width and a height
        if request.section_frames is None:
            given["section_frames"] = self._section_frames()
        return given | self._measures(request, inputs)

    def check(self, request: VideoRequest, inputs: Inputs) -> None:
        """Raise ``InputError`` for options that this model cannot use, before any work."""
        self.pipeline.settings(inputs.image, inputs.narrative, **self.settings_of(request, inputs))

    def _section_frames(self) -> int | None:
        """The model's own length: longer videos than it was made for are made in sections."""
        from reasondiff.pipeline.sections import least_length

        model = self.pipeline.model
        own = model.defaults.num_frames
        return own if own >= least_length(model.timeline(own).stride) else None

    def _measures(self, request: VideoRequest, inputs: Inputs) -> dict[str, int]:
        from reasondiff.pipeline import frame_size

        if (sides := request.width_and_height) is not None:
            return {"width": sides[0], "height": sides[1]}
        if request.area is None:
            return {}
        width, height = frame_size(inputs.image.size, request.area, self.pipeline.model.pixels_per_token)
        return {"width": width, "height": height}

    def _idle_stages(self, request: VideoRequest, inputs: Inputs) -> frozenset[str]:
        """Stages in which nothing is done: a story that is told already, an AlignFormer that is not used."""
        from reasondiff.backends.base import has_alignformer

        aligns = request.use_adapter and has_alignformer(self.pipeline.model)
        placed = request.position is not None or request.anchor != "narrative"
        if inputs.frame_images:
            placed = all(each.place.frame_type != "auto" for each in inputs.frame_images)
        asks_nobody = inputs.narrative is not None or (placed and not aligns and request.text_mode == "single")
        return frozenset(name for name, idle in (("narrate", asks_nobody), ("align", not aligns)) if idle)

    def _enable_magcache(self, ratios: MagRatios, request: VideoRequest, inputs: Inputs) -> None:
        settings = self.pipe.settings(inputs.image, inputs.narrative, **self.settings_of(request, inputs))
        transformer = self.pipe.transformer
        if transformer.is_cache_enabled:
            transformer.disable_cache()
        transformer.enable_cache(ratios.config(settings.num_inference_steps))

    def _record(self, request: VideoRequest, inputs: Inputs, output: ReasonDiffOutput) -> GenerationRecord:
        import torch

        from reasondiff.media import GenerationRecord

        ratios = " ".join(map(repr, self.ratios.ratios)) if self.ratios is not None else None
        options = (
            recorded_options(request)
            | self._changed()
            | {
                "preset": self.preset.name if self.preset is not None else None,
                "interval": output.settings.interval,
                "device": str(self.pipeline.device),
                "dtype": str(self.pipeline.dtype),
                "mag_ratios": ratios,
            }
        )
        return GenerationRecord(
            model=request.model,
            prompt=inputs.prompt,
            narrative=output.stories[0].narrative.to_dict(),
            options=options,
            seed=request.seed,
            threads=torch.get_num_threads(),
            versions=versions(),
            weights=self.weights,
            image_sha256="",
        ).with_images(output.stories[0].images, embed=request.embed)

    def _changed(self) -> dict[str, str | bool]:
        """What a program has done to the pipeline since it was loaded, for the record."""
        state = _changeable(self.pipeline)
        if state is None or self._loaded is None:
            return {}
        now, schedule = state
        before, schedule_before = self._loaded
        changed = []
        if schedule != schedule_before:
            changed.append("another scheduler")
        without = before.without_active()
        if now not in (before, without):
            changed.append(str(now))
        found: dict[str, str | bool] = {"changed": ", ".join(changed)} if changed else {}
        if now == without != before:
            found["use_adapter"] = False  # the base model, as a request without the adapter has it
        return found

    def _hashing(self) -> Future[dict[str, str]]:
        self._hashes = self._hashes or run_in_background(partial(hashes_of, self.request))
        return self._hashes


def run_in_background(work: Callable[[], Result]) -> Future[Result]:
    """Do ``work`` beside what comes next; a program that ends does not wait for it."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _changeable(pipeline: Pipeline) -> tuple[AdapterState, tuple[str, dict[str, object]]] | None:
    """What a program may change about a pipeline: its adapters, and its scheduler; None for another model than Wan."""
    from reasondiff.pipeline import ReasonDiffPipeline

    if not isinstance(pipeline, ReasonDiffPipeline):
        return None
    scheduler = pipeline.scheduler
    settings = {name: value for name, value in scheduler.config.items() if not name.startswith("_")}
    return pipeline.adapter_state, (type(scheduler).__name__, settings)


def _of_group(request: VideoRequest, group: str) -> dict[str, object]:
    known = options_of(type(request))
    return {name: getattr(request, name) for name, each in known.items() if each.about.group == group}
