"""Coinciding onsets: the seed's formulas by hand and by plain loops, clocks, the null, and areas under curves."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from stages.metrics.coincidence import (
    area_under_curve,
    around,
    cell_curves,
    coincidence_map,
    hits,
    log_likelihood,
    motion_rise,
    num_matches,
    on_motion_frames,
    region_curves,
    region_ranks,
    shifted_hits,
    spread_repeats,
    visual_onsets,
    weigh,
)

BITS = st.integers(8, 20).flatmap(
    lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n) for _ in range(2)])
)


def at(frames: list[int], num_frames: int) -> Tensor:
    onsets = torch.zeros(num_frames, dtype=torch.bool)
    onsets[frames] = True
    return onsets


def thinned(onsets: Tensor, gap: int) -> Tensor:
    """The same without those that follow another within `gap` frames."""
    kept: list[int] = []
    for frame in onsets.nonzero()[:, 0].tolist():
        if not kept or frame - kept[-1] >= gap:
            kept.append(frame)
    return at(kept, len(onsets))


@given(BITS)
def test_matches_are_the_frames_in_which_both_agree(bits: tuple[list[bool], list[bool]]) -> None:
    """N_match = a'v + (1 - a)'(1 - v), summed over frames, without tolerance."""
    sound, motion = map(torch.tensor, bits)
    found = num_matches(hits(sound, motion, tolerance=0), sound.sum(), motion.sum(), len(sound))
    assert found == (sound == motion).sum()


@given(BITS, st.integers(1, 3))
def test_with_tolerance_each_onset_counts_for_one_other(bits: tuple[list[bool], list[bool]], tolerance: int) -> None:
    """Hits are a largest set of pairs within the tolerance: greedy pairing in time's order gives it on a line."""
    sound = torch.tensor(bits[0])
    motion = thinned(torch.tensor(bits[1]), 2 * tolerance + 1)
    free, pairs = sound.nonzero()[:, 0].tolist(), 0
    for frame in motion.nonzero()[:, 0].tolist():
        near = [other for other in free if abs(other - frame) <= tolerance]
        if near:
            free.remove(near[0])
            pairs += 1
    assert hits(sound, motion, tolerance=tolerance) == pairs


@given(BITS, st.integers(0, 2))
def test_every_shift_is_a_roll_of_the_sound(bits: tuple[list[bool], list[bool]], tolerance: int) -> None:
    sound, motion = map(torch.tensor, bits)
    found = shifted_hits(sound, motion[None], tolerance=tolerance)[0]
    widened = torch.tensor([sound[max(0, t - tolerance) : t + tolerance + 1].any() for t in range(len(sound))])
    assert found.tolist() == [(widened.roll(shift) & motion).sum() for shift in range(len(sound))]


def test_evidence_by_hand() -> None:
    """T = 10, sound at 2 and 7; region 0 moves at 2 and 5, region 1 at 2 alone, region 2 never."""
    sound = at([2, 7], 10)
    motion = torch.stack([at([2, 5], 10), at([2], 10), at([], 10)])
    (found,) = weigh(sound[None, None], motion[None, None], tolerance=0, leads=0)
    assert (found.num_frames, found.num_audio_onsets, found.num_visual_onsets) == (10, 2, 1)
    assert found.p == pytest.approx(0.9)  # 2 * 1 - 2 - 1 + 10 = 9
    assert found.ll == pytest.approx(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    # shifts at which some region's 2 a'v - 1'v is 1, or 0 (region 1 is hit at 0, 5; region 0 twice at no shift)
    ranks = [max(2 * int((sound.roll(s) & region).sum()) - int(region.sum()) for region in motion) for s in range(10)]
    assert ranks == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    mean = sum(rank - 2 + 10 for rank in ranks) / 10
    assert found.lift == pytest.approx((9 - mean) / 10 * math.log(0.9 / 0.1))


def test_a_region_is_one_for_all_clips_of_a_video() -> None:
    """Each clip alone has a region that fits it wholly; no region fits both."""
    sound = torch.stack([at([3], 12), at([8], 12)])
    motion = torch.stack([torch.stack([at([3], 12), at([6], 12)]), torch.stack([at([1], 12), at([8], 12)])])
    alone = weigh(sound[:, None], motion[:, None], tolerance=0, leads=0)
    assert [evidence.p for evidence in alone] == [1.0, 1.0]
    assert [evidence.ll for evidence in alone] == [0.0, 0.0]
    (together,) = weigh(sound[None], motion[None], tolerance=0, leads=0)
    assert (together.num_frames, together.p) == (24, (2 * 1 - 2 - 2 + 24) / 24)


def test_log_likelihood_is_highest_at_the_share_of_matches() -> None:
    matches, grid = torch.tensor(57.0), torch.linspace(0.01, 0.99, 99)
    assert grid[log_likelihood(matches, 72, grid).argmax()] == pytest.approx(57 / 72, abs=0.01)
    assert log_likelihood(torch.tensor(72.0), 72, torch.tensor(1.0)) == 0
    assert log_likelihood(torch.tensor(1.0), 2, torch.tensor(0.25)) == pytest.approx(math.log(0.25) + math.log(0.75))


def random_onsets(*shape: int, share: float, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < share


def test_sound_and_motion_that_know_nothing_of_each_other_have_no_lift() -> None:
    """Though each pair chooses the best of nine regions: so does each of its shifts."""
    sound, motion = random_onsets(600, 1, 72, share=0.07, seed=1), random_onsets(600, 1, 9, 72, share=0.06, seed=2)
    lifts = torch.tensor([evidence.lift for evidence in weigh(sound, motion, tolerance=0, leads=0)])
    assert lifts.std() > 0.02
    assert abs(lifts.mean()) < 0.01  # three standard errors are 0.007


def test_sound_that_follows_one_region_has_lift_and_the_area_tells() -> None:
    motion = random_onsets(60, 1, 9, 72, share=0.06, seed=3)
    sound = motion[:, :, 4].roll(1, dims=-1)
    own = [evidence.lift for evidence in weigh(sound, motion, tolerance=1, leads=0)]
    other = [evidence.lift for evidence in weigh(sound.roll(1, dims=0), motion, tolerance=1, leads=0)]
    area = area_under_curve(own, other)
    assert area is not None and area > 0.98
    exact = area_under_curve(
        [evidence.lift for evidence in weigh(sound, motion, tolerance=0, leads=0)],
        [evidence.lift for evidence in weigh(sound.roll(1, dims=0), motion, tolerance=0, leads=0)],
    )
    assert exact is not None and exact < 0.7  # off by one frame: the tolerance is what finds it


def test_motion_may_lead_within_a_range_and_the_null_may_too() -> None:
    motion = random_onsets(60, 1, 9, 72, share=0.06, seed=3)
    sound = motion[:, :, 4].roll(2, dims=-1)
    means = [
        float(np.mean([evidence.lift for evidence in weigh(sound, motion, tolerance=0, leads=leads)]))
        for leads in range(4)
    ]
    assert abs(means[0]) < 0.03 and abs(means[1]) < 0.03 and means[2] > 0.1 and means[3] > 0.1
    foreign = [evidence.lift for evidence in weigh(sound.roll(7, dims=0), motion, tolerance=0, leads=3)]
    assert abs(np.mean(foreign)) < 0.03
    behind = weigh(motion[:, :, 4], motion.roll(2, dims=-1), tolerance=0, leads=3)
    assert abs(np.mean([evidence.lift for evidence in behind])) < 0.04  # motion that follows its sound does not make it


def test_areas_by_hand() -> None:
    assert area_under_curve([3.0], [1.0, 2.0]) == 1
    assert area_under_curve([1.0, 3.0], [2.0]) == 0.5
    assert area_under_curve([1.0], [1.0, 1.0]) == 0.5
    assert area_under_curve([2.0, 0.0], [1.0, 2.0, 0.0]) == pytest.approx((1.5 + 1 + 0.5) / 6)
    assert area_under_curve([], [1.0]) is None and area_under_curve([1.0], []) is None


def test_a_moving_cell_beats_a_still_one_which_it_would_not_without_the_2() -> None:
    sound = at([3, 9], 16)
    cells = torch.zeros(2, 2, 16, dtype=torch.bool)
    cells[0, 0] = at([3, 9, 13], 16)
    cells[0, 1] = at([5, 13], 16)
    cells[1, 0] = at([4], 16)
    assert coincidence_map(sound, cells, tolerance=0).tolist() == [[1, -2], [-1, 0]]
    assert coincidence_map(sound, cells, tolerance=1).tolist() == [[1, -2], [1, 0]]
    seeds = hits(sound, cells, tolerance=0) - cells.sum(dim=-1)
    assert seeds[0, 0] < seeds[1, 1]
    assert region_ranks(torch.tensor(2), torch.tensor(3)) == 1


def test_motion_is_on_the_clock_of_the_pictures_between_which_it_happens() -> None:
    """Something moves between all pictures from number 9 on: it accelerates at picture 9, shown at 9 / 24 s."""
    motion = torch.zeros(48, 4, 4)
    motion[10:] = 8.0
    motion[20:] = 24.0
    rise = motion_rise(motion)
    assert rise.flatten(1).amax(dim=1).nonzero()[:, 0].tolist() == [10, 20]
    assert rise[10].amax() == 8 and rise[20].amax() == 16
    sound = on_motion_frames(torch.tensor([9 / 24, 19 / 24]), 48, 24, first_s=-1 / 24)
    assert sound.nonzero()[:, 0].tolist() == [10, 20]


def test_sound_goes_to_the_nearest_frame_and_what_is_outside_is_dropped() -> None:
    times_s = torch.tensor([-0.03, -0.01, 0.019, 0.0209, 0.98, 1.01], dtype=torch.float64)
    assert on_motion_frames(times_s, 24, 24, first_s=0.0).nonzero()[:, 0].tolist() == [0, 1]
    later = on_motion_frames(times_s, 24, 24, first_s=0.5)
    assert later.nonzero()[:, 0].tolist() == [12]


def test_repeated_pictures_share_what_follows_them_and_a_still_stretch_stays_still() -> None:
    levels = torch.tensor([4.0, 0, 6, 0, 0, 9, 5, 0, 0, 0, 8, 0, 0])
    spread = spread_repeats(levels[:, None, None].expand(-1, 4, 4))
    assert_close(spread[:, 0, 0], torch.tensor([4.0, 3, 3, 3, 3, 3, 5, 0, 0, 0, 8, 0, 0]))


def test_regions_overlap_by_half_and_cells_see_their_neighbours() -> None:
    rise = torch.zeros(5, 24, 24)
    rise[2, 0, 0] = 12.0
    curves = region_curves(rise)
    assert curves.shape == (9, 5)
    assert curves[0].tolist() == [0, 0, 1, 0, 0]  # sqrt(144 / 144 cells)
    assert (curves[1:] == 0).all()
    cells = cell_curves(rise)
    assert cells.shape == (24, 24, 5)
    assert cells[1, 1, 2] == 4 and cells[0, 0, 2] == 6 and cells[2, 2, 2] == 0


def test_visual_onsets_stand_out_and_keep_their_distance_at_any_strength() -> None:
    curve = torch.zeros(72)
    curve[[10, 13, 30, 52]] = torch.tensor([3.0, 4.0, 3.5, 3.0])
    for strength in (1.0, 10.0):
        found = visual_onsets(strength * curve, 24, tolerance=2, rise=0.8)
        assert found.nonzero()[:, 0].tolist() == [13, 30, 52]
    faint = visual_onsets(0.001 * curve, 24, tolerance=2, rise=0.8)
    assert not faint.any()  # thousandths of a luma level are no motion


def test_a_map_is_seen_with_its_neighbours() -> None:
    ranks = torch.zeros(1, 6, 6, dtype=torch.int16)
    ranks[0, 0, 0] = 18
    found = around(ranks)[0]
    assert found[0, 0] == 2 and found[2, 2] == pytest.approx(18 / 25) and found[3, 0] == 0
