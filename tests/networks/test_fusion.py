"""Attention gates motion, time is kept, the strongest cell counts."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from stages.networks.fusion import FusionNetwork
from stages.separators import Fusion

RANDOM = torch.Generator().manual_seed(2)


def _fusion(moving: int, seen: int, **changes: Any) -> FusionNetwork:
    settings = {"rule": "attention", "channels": 6, "convolutions": 2, "place_channels": 2, "time_convolutions": 1}
    torch.manual_seed(1)
    return FusionNetwork(moving, seen, 4, Fusion.model_validate(settings | changes)).eval()


@pytest.mark.parametrize("rule", ["attention", "concat"])
@pytest.mark.parametrize("cells", [2, 4, 6])
def test_every_step_comes_out(rule: str, cells: int) -> None:
    moving, seen = torch.randn(2, 3, 9, 4, 4, generator=RANDOM), torch.randn(2, 5, cells, cells, generator=RANDOM)
    assert _fusion(3, 5, rule=rule)(moving, seen).shape == (2, 6, 9)


def test_each_can_stand_alone() -> None:
    assert _fusion(3, 0, rule="alone")(torch.randn(2, 3, 9, 4, 4), None).shape == (2, 6, 9)
    assert _fusion(0, 5)(None, torch.randn(2, 5, 4, 4)).shape == (2, 6, 1)


def test_attention_is_one_map_in_0_to_1_for_all_steps_and_closes_off_motion() -> None:
    fusion = _fusion(3, 5, place_channels=0, time_convolutions=0)
    looks, moving = torch.randn(1, 5, 4, 4, generator=RANDOM), torch.randn(1, 3, 9, 4, 4, generator=RANDOM)
    gate = fusion.attend(looks)
    assert gate.shape == (1, 1, 4, 4) and gate.min() > 0 and gate.max() < 1
    open_gate = _fusion(3, 5, rule="concat", place_channels=0, time_convolutions=0)
    open_gate.joined.load_state_dict(fusion.joined.state_dict())
    assert_close(fusion(moving, looks), open_gate(moving * gate[:, :, None], looks))
    assert fusion.attention is not None
    with torch.no_grad():
        fusion.attention.bias.fill_(-100.0)
    assert_close(fusion(moving, looks), fusion(torch.zeros_like(moving), looks))


def test_what_moves_at_one_moment_changes_that_moment_alone() -> None:
    fusion = _fusion(3, 5, time_convolutions=0)
    looks, moving = torch.randn(1, 5, 4, 4, generator=RANDOM), torch.randn(1, 3, 9, 4, 4, generator=RANDOM)
    moved = moving.clone()
    moved[:, :, 4] += 3
    differs = (fusion(moved, looks) - fusion(moving, looks)).abs().amax(dim=(0, 1)) > 1e-6
    assert differs.tolist() == [step == 4 for step in range(9)]
