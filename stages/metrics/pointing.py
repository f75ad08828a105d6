"""Whether maps point at the players who sound, where the truth is known: for figures only.

Axes: F frames of a video, G cells a side, h x w cells of the truth.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.metrics.coincidence import area_under_curve
from stages.shards.files import read_json
from stages.shards.schema import DecodedClip

_COVERED = 0.5  # of a cell, in some frame of the clip


@dataclass(frozen=True, slots=True)
class Players:
    """Cells that players cover in the course of a clip, bool (G, G)."""

    sounding: Tensor
    silent: Tensor


def score_maps(
    clips: Sequence[DecodedClip], maps: Tensor, truths: Sequence[Path], frame_rate_hz: int
) -> dict[str, float | int] | None:
    """Figures on the maps (N, G, G) of clips whose truth is in one of the folders; None where there is none.

    pointing: share of clips whose highest cell (of equals, their share) is covered by a player who sounds; chance: the
    share of cells that such players cover; auc: a covered cell is higher than another; over_silent: the highest cell of
    who sounds is higher than that of a player in view who doesn't (ties half), on num_silent clips.
    """
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for n, players in _known(clips, truths, maps.shape[-1], frame_rate_hz):
        inside = players.sounding
        if not inside.any() or inside.all():
            continue
        ranks = maps[n].double()
        scores["pointing"].append(inside[ranks == ranks.max()].double().mean().item())
        scores["chance"].append(inside.double().mean().item())
        scores["auc"].append(area_under_curve(ranks[inside].tolist(), ranks[~inside].tolist()) or 0.0)
        if players.silent.any():
            scores["over_silent"].append(
                area_under_curve([ranks[inside].max().item()], [ranks[players.silent].max().item()]) or 0.0
            )
    if not scores:
        return None
    means = {name: round(float(np.mean(values)), 6) for name, values in scores.items()}
    return {"clips": len(scores["pointing"]), "num_silent": len(scores["over_silent"]), **means}


def covered_cells(part_ids: np.ndarray[Any, np.dtype[np.uint8]], parts: Sequence[int], cells: int) -> Tensor:
    """Cells that any of these parts covers by half or more in some frame, bool (G, G), of ids (F, h, w)."""
    covered = torch.from_numpy(np.isin(part_ids, list(parts))).float()
    return functional.adaptive_avg_pool2d(covered, cells).amax(dim=0) >= _COVERED


def _known(
    clips: Sequence[DecodedClip], truths: Sequence[Path], cells: int, frame_rate_hz: int
) -> Iterator[tuple[int, Players]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for n, clip in enumerate(clips):
        places[clip.path].append(n)
    for folder in truths:
        index = read_json(folder / "index.json")["videos"] if (folder / "index.json").is_file() else {}
        for name, video in index.items():
            of_video = places.get(f"{folder.name}/{video['path']}", [])
            if not of_video:
                continue
            with np.load(folder / f"{name}.npz") as arrays:
                ids = arrays["part_ids"]
            for n in of_video:
                start_s, length_s = clips[n].start_frame / frame_rate_hz, clips[n].num_frames / frame_rate_hz
                first, num = round(start_s * video["frame_rate_hz"]), round(length_s * video["frame_rate_hz"])
                yield n, _players(ids[first : first + num], video, cells)


def _players(ids: np.ndarray[Any, np.dtype[np.uint8]], video: dict[str, Any], cells: int) -> Players:
    silent = {number for number, player in enumerate(video["players"]) if player["silent"]}
    owners = [part["player"] for part in video["parts"]]
    heard = [part + 1 for part, owner in enumerate(owners) if owner is not None and owner not in silent]
    unheard = [part + 1 for part, owner in enumerate(owners) if owner in silent]
    return Players(covered_cells(ids, heard, cells), covered_cells(ids, unheard, cells))
