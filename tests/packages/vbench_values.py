"""What VBench's own code and ours say of the same videos; runs in an environment that has both.

Weights are random, in the layout that the authors publish, and where a network costs too much a small function stands
for it: what is compared is the protocol. The files lie where ``--fetch`` would put them, so ours are found and loaded
on the way of a user. Prints JSON, per metric a list of ``[ours, theirs]``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image


def import_torchvision() -> None:
    """Where its compiled part does not fit torch, its operators are declared, of which none is called here."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for _ in range(40):
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library.define(f"{missing[1]}(Tensor x) -> Tensor")
            for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
                del sys.modules[name]
        else:
            break
    globals()["_KEPT"] = library  # its operators go with it


def in_hub_cache(folder: Path, repository: str, name: str) -> Path:
    """Where the hub's cache has a file of a repository; the cache is below ``folder`` from here on."""
    import huggingface_hub.constants

    huggingface_hub.constants.HF_HUB_CACHE = str(folder / "hub")
    kept, commit = folder / "hub" / f"models--{repository.replace('/', '--')}", "0" * 40
    (kept / "refs").mkdir(parents=True, exist_ok=True)
    (kept / "refs" / "main").write_text(commit)
    place = kept / "snapshots" / commit / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def sample(path: Path) -> Any:
    """A video as our metrics get it, its own first frame as the image."""
    from reasondiff.evaluation.metrics.base import Sample
    from reasondiff.evaluation.outputs import Output
    from reasondiff.evaluation.suites.base import Case
    from reasondiff.media import read_video

    video = read_video(path)
    image = Image.open(path.with_suffix(".png")).convert("RGB")
    return Sample(Case(path.stem, image, "A prompt.", 0), Output(video.frames, video.fps))


def motion_smoothness(videos: list[Path], folder: Path) -> list[list[float]]:
    """AMT-S on random weights, by VBench and by us."""
    import vbench
    from omegaconf import OmegaConf
    from vbench.motion_smoothness import MotionSmoothness as Theirs
    from vbench.third_party.amt.utils.build_utils import build_from_cfg

    from reasondiff.evaluation.metrics.motion_smoothness import MotionSmoothness
    from reasondiff.evaluation.networks.amt import AmtInterpolator

    config = Path(vbench.__file__).parent / "third_party" / "amt" / "cfgs" / "AMT-S.yaml"
    weights = in_hub_cache(folder, "lalala125/AMT", "amt-s.pth")
    torch.manual_seed(0)
    torch.save({"state_dict": build_from_cfg(OmegaConf.load(config).network).state_dict()}, weights)
    theirs, ours = Theirs(str(config), str(weights), "cpu"), MotionSmoothness(AmtInterpolator())
    return [[ours.measure(sample(path)), float(theirs.motion_score(str(path)))] for path in videos]


def dynamic_degree(videos: list[Path], folder: Path) -> list[list[float]]:
    """With brightness that comes and goes for motion."""
    from vbench.dynamic_degree import DynamicDegree as Theirs

    from reasondiff.evaluation.metrics.dynamic_degree import DynamicDegree
    from reasondiff.evaluation.networks.base import pad_to_multiple

    def flow(one: torch.Tensor, other: torch.Tensor, **_: Any) -> tuple[None, torch.Tensor]:
        change = (other - one).mean(1, keepdim=True) / 8
        return None, torch.cat([change, change / 2], 1)

    class WithoutRaft(Theirs):
        def load_model(self) -> None:
            self.model = flow

    class Flow:
        origin = None

        def flow(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
            padded = [pad_to_multiple(torch.from_numpy(each).permute(2, 0, 1)[None].float(), 8)
                      for each in (frame, following)]  # fmt: skip
            return flow(*padded)[1][0].permute(1, 2, 0).numpy()

    theirs, ours = WithoutRaft(None, "cpu"), DynamicDegree(Flow())
    return [[ours.measure(sample(path)), float(theirs.infer(str(path)))] for path in videos]


def imaging_quality(videos: list[Path], folder: Path) -> list[list[float]]:
    """MUSIQ on random weights, by VBench and by us."""
    from pyiqa.archs.musiq_arch import MUSIQ
    from vbench.imaging_quality import technical_quality

    from reasondiff.evaluation.metrics.imaging_quality import ImagingQuality
    from reasondiff.evaluation.networks import base
    from reasondiff.evaluation.networks.musiq import MusiqNetwork

    weights = in_hub_cache(folder, "chaofengc/IQA-PyTorch-Weights", "musiq_spaq_ckpt-358bb6af.pth")
    torch.manual_seed(0)
    torch.save(MUSIQ(pretrained=False, num_class=1).state_dict(), weights)
    net = MUSIQ(pretrained_model_path=str(weights), pretrained=False, num_class=1)
    net.training = False
    base.file_hash = lambda path: "358bb6af"  # random weights have another
    ours = ImagingQuality(MusiqNetwork())
    with torch.no_grad():
        return [[ours.measure(sample(path)), technical_quality(net, [str(path)], "cpu")[0]] for path in videos]


def i2v_subject(videos: list[Path], folder: Path) -> list[list[float]]:
    """With coarse pixels for DINO's features."""
    from vbench2_beta_i2v.i2v_subject import i2v_subject as theirs

    from reasondiff.evaluation.metrics.image_consistency import ImageConsistency
    from reasondiff.evaluation.networks.clip import DinoNetwork

    def features(pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pixels, 6).flatten(1)

    class Hidden:
        def __init__(self, pixels: torch.Tensor) -> None:
            self.last_hidden_state = features(pixels)[:, None]

    network = DinoNetwork()
    network.__dict__["_net"] = lambda pixels, **_: Hidden(pixels)
    ours = ImageConsistency(network)
    found = []
    for path in videos:
        value, _ = theirs(features, [(str(path.with_suffix(".png")), str(path))], "cpu")
        found.append([ours.measure(sample(path)), float(value)])
    return found


def raft_flow(videos: list[Path], folder: Path) -> list[list[float]]:
    """RAFT on random weights, by torchvision itself and by us: the mean speed between two frames."""
    from torchvision.models.optical_flow import Raft_Large_Weights, raft_large

    from reasondiff.evaluation.networks.raft import RaftFlow

    torch.hub.set_dir(folder / "torch")
    place = folder / "torch" / "checkpoints" / Raft_Large_Weights.C_T_V1.url.rsplit("/", 1)[-1]
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    theirs = raft_large(weights=None).eval()
    torch.save(theirs.state_dict(), place)
    found = []
    for path in videos:
        one, other = sample(path).output.frames[:2]
        ours = RaftFlow().flow(one, other)
        pair = [torch.from_numpy(frame.copy()).permute(2, 0, 1)[None] / 127.5 - 1 for frame in (one, other)]
        with torch.no_grad():
            flow = theirs(*pair, num_flow_updates=20)[-1][0]
        found.append([float(np.hypot(ours[..., 0], ours[..., 1]).mean()), float(flow.norm(dim=0).mean())])
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    import_torchvision()
    videos = sorted(folder.glob("*.mp4"))
    metrics = (motion_smoothness, dynamic_degree, imaging_quality, i2v_subject, raft_flow)
    wanted = sys.argv[2:] or [metric.__name__ for metric in metrics]
    print(json.dumps({metric.__name__: metric(videos, folder) for metric in metrics if metric.__name__ in wanted}))


if __name__ == "__main__":
    main()
