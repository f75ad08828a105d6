import numpy as np
import pytest
import torch

from stages.motion.opencv_flow import DisEstimator, refined
from tests.synth.moving import Shift


def pairs(*clips: Shift) -> tuple[torch.Tensor, torch.Tensor]:
    frames = [torch.from_numpy(np.stack([clip.frame(k) for clip in clips])) for k in (0, 1)]
    first, second = (frame.permute(0, 3, 1, 2).float() / 255 for frame in frames)
    return first, second


@pytest.mark.parametrize(("right_px", "down_px"), [(0, 0), (2, -1), (-3, 2), (5, 4)])
def test_a_shifted_picture_has_the_flow_of_its_shift(right_px: int, down_px: int) -> None:
    flow = DisEstimator()(*pairs(Shift(0, right_px, down_px, height=64, width=96)))
    assert flow.shape == (1, 2, 16, 24) and flow.dtype == torch.float32
    inner = flow[0, :, 3:-3, 3:-3]
    assert (inner - torch.tensor([right_px, down_px])[:, None, None]).abs().max() < 0.15


def test_a_frame_that_no_whole_number_of_cells_covers() -> None:
    flow = DisEstimator()(*pairs(Shift(0, 2, 1, height=30, width=41)))
    assert flow.shape == (1, 2, 8, 11)
    assert (flow.mean(dim=(0, 2, 3)) - torch.tensor([2.0, 1.0])).abs().max() < 0.3


def test_a_pair_s_flow_depends_neither_on_its_batch_nor_on_what_was_before() -> None:
    first, second = pairs(Shift(0), Shift(1, -3, 2), Shift(2, 1, 1))
    estimator = DisEstimator()
    together = estimator(first, second)
    alone = [estimator(first[k : k + 1], second[k : k + 1]) for k in (2, 0, 1)]
    assert torch.equal(together, torch.cat([alone[1], alone[2], alone[0]]))
    assert torch.equal(together, DisEstimator()(first, second))


def test_the_smallest_frames_that_a_clip_may_have_and_smaller_ones() -> None:
    assert DisEstimator()(*pairs(Shift(0, 0, 0, height=16, width=16))).isfinite().all()
    with pytest.raises(ValueError, match="at least 16 x 16 px"):
        DisEstimator()(*pairs(Shift(0, 0, 0, height=12, width=64)))


@pytest.mark.parametrize(("height", "width"), [(64, 96), (30, 41), (16, 16), (1, 3)])
def test_flow_that_is_nearly_right_is_refined(height: int, width: int) -> None:
    first, second = pairs(Shift(0, 2, -1, height=height, width=width))
    truth = torch.tensor([2.0, -1.0])[None, :, None, None].expand(1, 2, height, width)
    rough = truth + 0.8 * (torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(1)) - 0.5)
    kept = rough.clone()
    found = refined(rough, first, second)
    assert found.shape == rough.shape and found.dtype == torch.float32 and found.isfinite().all()
    assert torch.equal(rough, kept)
    if min(height, width) >= 30:
        errors = [(flow - truth).norm(dim=1)[:, 4:-4, 4:-4].mean() for flow in (found, rough)]
        assert errors[0] < 0.3 * errors[1]


def test_flow_that_is_right_stays_so_and_where_nothing_is_seen_it_gets_smooth() -> None:
    first, second = pairs(Shift(0, 3, 1, height=48, width=64))
    truth = torch.tensor([3.0, 1.0])[None, :, None, None].expand(1, 2, 48, 64)
    assert (refined(truth, first, second) - truth).norm(dim=1)[:, 4:-4, 4:-4].max() < 0.1
    noise = torch.rand(1, 2, 48, 64, generator=torch.Generator().manual_seed(1))
    blank = torch.full((1, 3, 48, 64), 0.5)
    assert refined(noise, blank, blank).std() < 0.5 * noise.std()


def test_a_pair_is_refined_by_itself() -> None:
    first, second = pairs(Shift(0), Shift(1, -3, 2), Shift(2, 1, 1))
    flow = torch.rand(3, 2, *first.shape[-2:], generator=torch.Generator().manual_seed(1))
    alone = [refined(flow[k : k + 1], first[k : k + 1], second[k : k + 1]) for k in range(3)]
    assert torch.equal(refined(flow, first, second), torch.cat(alone))
