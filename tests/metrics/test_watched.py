"""Maps of whole pictures on the squares that are shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.testing import assert_close

from stages import layout
from stages.metrics.agreement import ClipAgreement
from stages.metrics.watched import Watched, agreements, in_square, read_maps, watch
from stages.networks.frames import to_input
from stages.shards.reader import ClipReader
from tests.synth.learning import MODEL, decoded, picture, waveform, write_onset_maps, write_world


def test_a_map_is_read_where_the_square_lies() -> None:
    """40 x 60 px, of which the 40 in the middle are shown: columns 10 to 50."""
    clip = replace(decoded("0-0"), height=40, width=60)
    columns = torch.arange(24.0).expand(24, 24)  # 2.5 px each
    found = in_square(columns, clip, 32)
    assert found.shape == (48, 48)
    places_px = 10 + (torch.arange(48) + 0.5) * 40 / 48
    assert_close(found[0], places_px / 2.5 - 0.5, atol=1e-4, rtol=1e-4)
    assert_close(found, found[:1].expand(48, 48))
    rows = in_square(columns.T, clip, 32)
    assert_close(rows[:, 0], ((torch.arange(48) + 0.5) / 2 - 0.5).clamp(0, 23), atol=1e-4, rtol=1e-4)


def test_mixes_are_watched_as_they_are_shown(tmp_path: Path) -> None:
    write_world(tmp_path)
    reader = ClipReader(tmp_path / layout.DECODE)
    write_onset_maps(tmp_path / "maps.npz", [clip.clip_id for clip in reader.clips])
    maps = read_maps(tmp_path / "maps.npz")
    (found,) = watch(reader, [("2-2", "0-2")], MODEL.appearance, None, maps)
    assert [clip.clip_id for clip in found.clips] == ["2-2", "0-2"]
    expected = (waveform(2, 2) + waveform(0, 2)) / 2
    assert_close(found.mixture, torch.from_numpy(expected), atol=1e-4, rtol=0)
    assert found.frames.shape == (2, 1, 3, 32, 32) and found.motion is None
    near = (found.frames[0, 0] - to_input([picture(2, 2)], 32, generator=None)[0]).abs().mean()
    assert near < 0.1  # stored as JPEG
    with np.load(tmp_path / "maps.npz") as arrays:
        place = arrays["clip_id"].tolist().index("0-2")
        assert_close(maps["0-2"], torch.from_numpy(arrays["rank"][place]).float())
    assert_close(found.ranks[1], in_square(maps["0-2"], found.clips[1], 32))


def test_each_clip_is_held_against_its_own_map_and_that_of_the_next_source() -> None:
    cells = torch.stack([torch.arange(16.0), -torch.arange(16.0), torch.arange(16.0) ** 2]).reshape(3, 4, 4)
    ranks = cells.repeat_interleave(12, 1).repeat_interleave(12, 2)
    clips = tuple(decoded(f"{kind}-0") for kind in range(3))
    watched = [Watched(clips, torch.zeros(1), torch.zeros(1), None, ranks)]
    flat = cells.clone()
    flat[2] = 1.0
    assert agreements(watched, [flat]) == [
        ClipAgreement("0-0", "video-0-0", 1.0, -1.0),
        ClipAgreement("1-0", "video-1-0", 1.0, -1.0),
        ClipAgreement("2-0", "video-2-0", None, None),
    ]
