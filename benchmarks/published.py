"""What ``reasondiff plan`` predicts beside what others have published. ``python -m benchmarks.published``

Seconds per denoising step with guidance (two calls) of Wan's 14B models, 81 frames of 480p, weights on the GPU. The
published programs differ from ours and from each other in their kernels, so this shows whether the rates in
``planning.gpus`` are of the right size, and no more.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from reasondiff.planning import GPUS, Stage
from reasondiff.planning.architecture import named_configs
from reasondiff.planning.transformer import Transformer

__all__ = ["PUBLISHED", "Published", "predicted"]


@dataclass(frozen=True)
class Published:
    """A step time that someone has measured.

    Args:
        gpu: as in ``planning.GPUS``.
        image: whether the model takes image tokens (Wan2.1 image-to-video).
        fused: whether the program's element-wise kernels are fused or compiled.
        seconds: per step.
        source: of the number.
    """

    gpu: str
    image: bool
    fused: bool
    seconds: float
    source: str


PUBLISHED = (
    Published("H200", False, True, 5.14, "SGLang, bf16, FlashAttention-3: sgl-project/sglang pull request 25483"),
    Published("H100 80GB", True, True, 5.18, "LightX2V, bf16, SageAttention-2: ModelTC/LightX2V, README"),
    Published("H100 80GB", True, True, 6.13, "SGLang-Diffusion: the same table"),
    Published("H100 80GB", True, False, 9.77, "diffusers: the same table"),
    Published("A100 80GB", False, False, 18.5, "DiffSynth-Studio, bf16: its examples/wanvideo/README"),
    Published("RTX 4090", True, False, 30.5, "diffusers on a 4090D (a tenth fewer cores): the LightX2V table"),
)


def predicted(row: Published) -> float:
    """Our seconds for the same."""
    name = "wan2.1-i2v-14b-480p" if row.image else "wan2.2-i2v-a14b"
    shape = Transformer.from_config(named_configs(name)["transformer"])
    images = 257 if row.image else 0
    call = shape.forward(shape.tokens(21, 60, 104), text_tokens=512, image=images, keys=512) + shape.keys_values(
        512, images
    )
    seconds = Stage("", 2 * call, 0, compiled=row.fused).seconds(next(gpu for gpu in GPUS if gpu.name == row.gpu))
    assert seconds is not None
    return seconds


def main() -> int:
    print("| GPU | published, s | predicted, s | predicted over published | program and source |")
    print("| --- | --- | --- | --- | --- |")
    for row in PUBLISHED:
        ours = predicted(row)
        print(f"| {row.gpu} | {row.seconds:g} | {ours:.2f} | {ours / row.seconds:.2f} | {row.source} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
