"""Whether maps point at players: masks by hand, and maps that do and do not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.metrics.pointing import covered_cells, score_maps
from stages.shards.files import write_json
from stages.shards.schema import DecodedClip
from tests.synth.learning import decoded

FOLDER = "first"


def clip(start_frame: int = 0) -> DecodedClip:
    return replace(decoded("0-0"), path=f"{FOLDER}/violin/a.mp4", start_frame=start_frame, num_frames=8)


def write_truth(root: Path, ids: NDArray[np.uint8]) -> Path:
    """Two players of one part each, the second one silent, and a part that is nobody's; 24 pictures a second."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    players = [{"silent": False}, {"silent": True}]
    video: dict[str, Any] = {"path": "violin/a.mp4", "frame_rate_hz": 24, "players": players}
    video["parts"] = [{"player": 0}, {"player": 1}, {"player": None}]
    write_json(folder / "index.json", {"videos": {"a": video}})
    np.savez(folder / "a.npz", part_ids=ids)
    return folder


def scene() -> NDArray[np.uint8]:
    """48 frames of 8 x 8 cells: the sounding player in the upper left quarter in the first second, then lower left."""
    ids = np.zeros((48, 8, 8), np.uint8)
    ids[:24, :4, :4] = 1
    ids[24:, 4:, :4] = 1
    ids[:, :4, 4:] = 2
    ids[:, 4:, 4:] = 3
    return ids


def test_a_cell_is_covered_when_half_of_it_is_in_some_frame() -> None:
    ids = np.zeros((2, 8, 8), np.uint8)
    ids[0, 0, :2] = 5  # half of one cell of 2 x 2
    ids[1, 7, 7] = 6  # a quarter of another
    found = covered_cells(ids, [5, 6], 4)
    assert found.nonzero().tolist() == [[0, 0]]
    assert not covered_cells(ids, [], 4).any()


def test_figures_by_hand(tmp_path: Path) -> None:
    truths = [write_truth(tmp_path, scene()), tmp_path / "none"]
    ranks = torch.full((2, 4, 4), -3, dtype=torch.int16)
    ranks[0, 0, 0] = 4  # on the player
    ranks[0, 0, 3] = 2  # on the silent one
    ranks[1, 0, 0] = 4  # where the player was a second ago
    ranks[1, 3, 3] = 4  # behind all
    found = score_maps([clip(), clip(start_frame=8)], ranks, truths, 8)
    assert found is not None
    assert (found["clips"], found["num_silent"], found["chance"]) == (2, 2, 0.25)
    assert found["pointing"] == 0.5
    # the upper left cell beats all 12, the others tie with 11 of 12
    first = (12 + 3 * 11 / 2) / 48
    second = 4 * 10 / 2 / 48  # two of the others are higher, ten tie
    assert found["auc"] == pytest.approx((first + second) / 2, abs=1e-6)
    assert found["over_silent"] == pytest.approx((1 + 0.5) / 2)


def test_a_flat_map_points_with_the_chance_of_the_area(tmp_path: Path) -> None:
    found = score_maps([clip()], torch.zeros(1, 4, 4), [write_truth(tmp_path, scene())], 8)
    assert found is not None
    assert (found["pointing"], found["chance"], found["auc"], found["over_silent"]) == (0.25, 0.25, 0.5, 0.5)


def test_without_truth_there_are_no_figures(tmp_path: Path) -> None:
    assert score_maps([clip()], torch.zeros(1, 4, 4), [], 8) is None
    other = replace(clip(), path="mine/violin/a.mp4")
    assert score_maps([other], torch.zeros(1, 4, 4), [write_truth(tmp_path, scene())], 8) is None


def test_a_picture_without_silent_players_and_one_full_of_players(tmp_path: Path) -> None:
    alone = np.where(scene() == 2, 0, scene()).astype(np.uint8)
    found = score_maps([clip()], torch.zeros(1, 4, 4), [write_truth(tmp_path, alone)], 8)
    assert found is not None and found["num_silent"] == 0 and "over_silent" not in found
    full = write_truth(tmp_path / "full", np.ones((48, 8, 8), np.uint8))
    assert score_maps([clip()], torch.zeros(1, 4, 4), [full], 8) is None  # nowhere to miss
