"""Writes the table of sizes and costs of the separators of params.yaml and presets into docs/networks.md.

python -m infra.network_costs docs/networks.md
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from stages.audio.stft import Stft
from stages.networks.separation import build
from stages.networks.sight import num_moments
from stages.params import Params, read
from stages.separators import Model, Motions

FILES = (
    "params.yaml",
    "presets/studio.yaml",
    "presets/paper-music.yaml",
    "presets/paper-motions.yaml",
)
_BEGIN, _END = "<!-- costs -->\n", "<!-- end of costs -->"
_PARTS = ("appearance", "trajectory", "fusion", "audio")
_CHANNELS = {"difference": 1, "flow": 2, "trajectories": 2}


def table() -> str:
    """One row a model: parameters and multiply-adds of a forward pass for one mixture of two sources, by part."""
    head = ["file, model", *(f"{part} M" for part in _PARTS), "all M", *(f"{part} GMAC" for part in _PARTS), "all GMAC"]
    rows = [" | ".join(row) for file in FILES for row in _rows(file, read(Path(file)))]
    lines = [" | ".join(head), "|".join(["---", *["---:"] * (len(head) - 1)]), *rows]
    return "".join(f"| {line} |\n" for line in lines)


def rewritten(text: str) -> str:
    """The document with its table made anew."""
    before, _, rest = text.partition(_BEGIN)
    return before + _BEGIN + table() + _END + rest.partition(_END)[2]


def _rows(file: str, params: Params) -> Iterator[list[str]]:
    for name, model in params.models.items():
        sizes, costs = _sizes_and_costs(params, model)
        parts = [f"{sizes.get(part, 0) / 1e6:.2f}" for part in _PARTS]
        work = [f"{costs.get(part, 0) / 1e9:.2f}" for part in _PARTS]
        total = [f"{sum(sizes.values()) / 1e6:.2f}", f"{costs['all'] / 1e9:.2f}"]
        yield [f"`{file}`, {name}", *parts, total[0], *work, total[1]]


def _sizes_and_costs(params: Params, model: Model) -> tuple[dict[str, int], dict[str, float]]:
    """Parameters and multiply-adds by part; nothing is computed, only counted."""
    net = build(model, params.clip, params.spectrogram).to("meta").eval()
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    stft, look = Stft(params.spectrogram), model.appearance
    frames = stft.num_frames(round(params.clip.duration_s * params.clip.sample_rate_hz))
    heard = torch.empty(1, 1, params.spectrogram.log_frequency_rows, frames, device="meta")
    pictures = torch.empty(1, 2, look.num_frames, 3, look.crop_px, look.crop_px, device="meta")
    motion = None
    if isinstance(model, Motions) and model.motion.input in _CHANNELS:
        steps = num_moments(model.motion, params.clip) // model.motion.average_steps
        side = model.motion.side_cells
        motion = torch.empty(1, 2, _CHANNELS[model.motion.input], steps, side, side, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(heard, pictures, motion)
    owner = type(net).__name__
    counts = {name: sum(found.values()) / 2 for name, found in counter.get_flop_counts().items()}
    return sizes, {part: counts.get(f"{owner}.{part}", _below(counts, f"{owner}.{part}.")) for part in _PARTS} | {
        "all": counts["Global"]
    }


def _below(counts: dict[str, float], ahead: str) -> float:
    """Sum over the direct children of a part that is no call of its own."""
    return sum(value for name, value in counts.items() if name.startswith(ahead) and "." not in name[len(ahead) :])


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(rewritten(document.read_text(encoding="utf-8")), encoding="utf-8")
