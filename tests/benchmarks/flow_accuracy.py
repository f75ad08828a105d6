"""How true estimated flow is: `python -m tests.benchmarks.flow_accuracy [result.json [weights.safetensors ...]]`.

No benchmark of speed. Methods that need no weights beside PWC-Net with shipped weights, or with those of files by their
presets' names. PIXELS_MEDIA adds the Middlebury pairs of `flow/middlebury` (Baker et al., IJCV 2011) and real clips.

Endpoint errors are in px: of Middlebury over all pixels whose flow is known, of rendered performances at every second
pixel, over all and over those that truly move by more than half a pixel. Photometric error is the mean difference
between the first frame and the second drawn back by the flow, in 1/255, over pixels whose flow stays in the frame: it
rewards whoever finds the same colour, right or wrong.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from stages.motion.opencv_flow import refined
from stages.motion.pwcnet import PRESETS, Preset, PWCNet, estimate_flow, prepare
from stages.motion.warp import lands_inside, warp
from stages.motion.weights import SHIPPED_SHA256, load, shipped
from stages.performances.truth import CELL_PX
from tests.benchmarks.timing import tell
from tests.synth.true_motion import fine_flow, moving

INSTRUMENTS = ("violin", "cello", "acoustic_guitar", "xylophone", "tuba", "accordion")
SIGHTS = {"128 px, 8 Hz": (128, 8), "192 px, 24 Hz": (192, 24)}  # as clips are stored by default; as films are rendered
DURATION_S = 3.0
MOVES_PX = 0.5
LOOKS = (1, 2, 3)
UNKNOWN_PX = 1e9  # what .flo files say where nothing is known
REAL = ("calm_guitar", "maskvat_cello", "maskvat_pipa", "avsync15_hammering", "vas_drum_video_02542", "mdn_friday")
REAL_HEIGHT_PX, REAL_HZ, REAL_FRAMES = 192, 8, 17

Method = Callable[[Tensor, Tensor], Tensor]  # RGB in [0, 1], (1, 3, H, W), twice -> flow (1, 2, H, W), px


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    methods = {**classical(), **learnt([Path(path) for path in sys.argv[2:]])}
    media = os.environ.get("PIXELS_MEDIA")
    result = {"performances": {name: performances(methods, *sight) for name, sight in SIGHTS.items()}}
    if media:
        result |= {"middlebury": middlebury(methods, Path(media)), "real": real(methods, Path(media))}
    tell(result)


def classical() -> dict[str, Method]:
    """No flow at all, and OpenCV's."""
    fast, medium = (
        cv2.DISOpticalFlow.create(preset)
        for preset in (cv2.DISOPTICAL_FLOW_PRESET_FAST, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    )
    return {
        "zero": lambda first, _: torch.zeros_like(first[:, :2]),
        "farneback": lambda *pair: on_grey(
            lambda a, b: cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 5, 1.2, 0), *pair
        ),
        "dis fast": lambda *pair: on_grey(lambda a, b: fast.calc(a, b, None), *pair),
        "dis medium": lambda *pair: on_grey(lambda a, b: medium.calc(a, b, None), *pair),
    }


def learnt(paths: list[Path]) -> dict[str, Method]:
    """PWC-Net with each preset's shipped weights, or with those of files, whose names are presets'."""
    found: dict[Preset, Path] = {preset: shipped(preset) for preset in SHIPPED_SHA256 if not paths}
    found |= {preset: path for preset in PRESETS for path in paths if path.stem == preset}
    nets = {preset: ready(load(preset, path)) for preset, path in found.items()}
    return {
        f"ours {preset}, looks {looks}{', refined' * finish}": partial(ours, net, looks, finish)
        for preset, net in nets.items()
        for looks in LOOKS
        for finish in (False, True)
    }


def ours(net: PWCNet, looks: int, finish: bool, first: Tensor, second: Tensor) -> Tensor:
    flow = estimate_flow(net, first, second, looks)
    return refined(flow, first, second) if finish else flow


def ready(net: PWCNet) -> PWCNet:
    return prepare(net, torch.device("cpu"), precision="bf16", channels_last=True, compiled=False)


def on_grey(search: Callable[[Any, Any], Any], first: Tensor, second: Tensor) -> Tensor:
    greys = [
        cv2.cvtColor((frame[0] * 255).round().byte().permute(1, 2, 0).contiguous().numpy(), cv2.COLOR_RGB2GRAY)
        for frame in (first, second)
    ]
    return torch.from_numpy(search(*greys)).permute(2, 0, 1)[None]


def middlebury(methods: dict[str, Method], media: Path) -> dict[str, dict[str, float]]:
    """Mean endpoint error by pair and method."""
    found: dict[str, dict[str, float]] = {}
    for folder in sorted(path for path in (media / "flow/middlebury").iterdir() if path.is_dir()):
        first, second = (picture(folder / f"frame{number}.png") for number in (10, 11))
        truth = read_flo(folder / "flow10.flo")
        known = truth.abs().amax(dim=1) < UNKNOWN_PX
        found[folder.name] = {
            name: round(float((method(first, second) - truth).norm(dim=1)[known].mean()), 3)
            for name, method in methods.items()
        }
    return found | {"mean": {name: round(mean(row[name] for row in found.values()), 3) for name in methods}}


def performances(methods: dict[str, Method], side_px: int, frame_rate_hz: int) -> dict[str, dict[str, float]]:
    """Mean endpoint error by method, over all cells of the truth, and over those that move."""
    errors: dict[str, list[Tensor]] = {name: [] for name in methods}
    moved: list[Tensor] = []
    for instrument in INSTRUMENTS:
        film = moving(instrument, side_px=side_px, frame_rate_hz=frame_rate_hz, duration_s=DURATION_S)
        truth = fine_flow(film)
        moved.append(truth.norm(dim=1).flatten() > MOVES_PX)
        for name, method in methods.items():
            flows = [method(a[None], b[None]) for a, b in zip(film.frames[:-1], film.frames[1:], strict=True)]
            cells = avg_pool2d(torch.cat(flows), CELL_PX)
            errors[name].append((cells - truth).norm(dim=1).flatten())
    moves = torch.cat(moved)
    table = {name: torch.cat(parts) for name, parts in errors.items()}
    shares = {"cells": len(moves), "share_moving": round(float(moves.float().mean()), 4)}
    return {"about": shares} | {
        name: {
            "all": round(float(error.mean()), 4),
            "moving": round(float(error[moves].mean()), 3),
            "moving_median": round(float(error[moves].median()), 3),
            "resting": round(float(error[~moves].mean()), 4),
        }
        for name, error in table.items()
    }


def real(methods: dict[str, Method], media: Path) -> dict[str, dict[str, float]]:
    """Photometric error by clip and method."""
    found: dict[str, dict[str, float]] = {}
    for clip in REAL:
        frames = list(film_of(media / f"real/{clip}.mp4"))
        pairs = list(pairwise(frames))
        found[clip] = {
            name: round(mean(photometric(method(*pair), *pair) for pair in pairs), 3)
            for name, method in methods.items()
        }
    return found | {"mean": {name: round(mean(row[name] for row in found.values()), 3) for name in methods}}


def photometric(flow: Tensor, first: Tensor, second: Tensor) -> float:
    difference = (warp(second, flow, 0.999) - first).abs().mean(dim=1, keepdim=True)
    return 255 * float(difference[lands_inside(flow, 0.999)].mean())


def film_of(path: Path) -> Iterator[Tensor]:
    """The first frames of a film, small."""
    scale = f"fps={REAL_HZ},scale=-2:{REAL_HEIGHT_PX}"
    command = ["ffmpeg", "-v", "error", "-i", path, "-vf", scale, "-frames:v", str(REAL_FRAMES)]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    width = len(raw) // (REAL_FRAMES * REAL_HEIGHT_PX * 3)
    frames = np.frombuffer(raw, np.uint8).reshape(REAL_FRAMES, REAL_HEIGHT_PX, width, 3)
    for frame in frames:
        yield torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255


def picture(path: Path) -> Tensor:
    read = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if read is None:
        raise FileNotFoundError(path)
    return torch.from_numpy(read[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255


def read_flo(path: Path) -> Tensor:
    """Middlebury's format: a magic number, width, height, then u and v of each pixel, little-endian."""
    content = path.read_bytes()
    magic, (width, height) = np.frombuffer(content[:4], "<f4")[0], np.frombuffer(content[4:12], "<i4")
    if magic != np.float32(202021.25):
        raise ValueError(f"{path}: is no .flo file")
    values = np.frombuffer(content[12:], "<f4").reshape(height, width, 2)
    return torch.from_numpy(values.copy()).permute(2, 0, 1)[None]


if __name__ == "__main__":
    main()
