"""The network: size, shapes, any frame, precision, and that it learns."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from stages.motion.pwcnet import (
    FLOW_UNIT_PX,
    PRESETS,
    Architecture,
    PWCNet,
    estimate_flow,
    estimate_quarter_flow,
    prepare,
)

CPU = torch.device("cpu")
TINY = Architecture(
    pyramid=(8, 12, 16, 16, 16, 16),
    convolutions=2,
    decoder=(24, 16),
    dense=False,
    context=(),
    normalised=True,
    in_bounds=0.999,
)


def _size(architecture: Architecture) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in PWCNet(architecture).parameters())


def _net(architecture: Architecture = TINY, seed: int = 1) -> PWCNet:
    torch.manual_seed(seed)
    net = PWCNet(architecture).eval()
    for decoder in net.decoders.values():  # an untrained net says almost 0
        nn.init.kaiming_normal_(decoder.predict.weight)
    return net


def _frames(batch: int, height: int, width: int, seed: int = 2) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, height, width, generator=random), torch.rand(batch, 3, height, width, generator=random)


class _Told(nn.Module):
    """In place of a trained network: says what it is told, and keeps what it was shown."""

    precision = "fp32"

    def __init__(self, flow: Tensor) -> None:
        super().__init__()
        self.flow = nn.Parameter(flow)
        self.shown: list[tuple[int, ...]] = []

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        self.shown += [tuple(first.shape), tuple(second.shape)]
        return (self.flow,)


def test_default_is_the_published_network_to_the_parameter() -> None:
    assert _size(PRESETS["default"]) == 9_374_274
    assert _size(replace(PRESETS["default"], context=())) == 8_243_008


def test_lite_fits_ten_megabytes_of_fp16() -> None:
    assert 2_000_000 < _size(PRESETS["lite"]) < 5_000_000


@pytest.mark.parametrize("preset", ["default", "lite"])
def test_five_scales_come_out_finest_first(preset: str) -> None:
    with torch.device("meta"):
        flows = PWCNet(PRESETS[preset])(*_frames(2, 128, 192))
    assert [tuple(flow.shape) for flow in flows] == [
        (2, 2, 32, 48),
        (2, 2, 16, 24),
        (2, 2, 8, 12),
        (2, 2, 4, 6),
        (2, 2, 2, 3),
    ]
    assert {flow.dtype for flow in flows} == {torch.float32}


def test_scales_are_in_pixels_of_the_input() -> None:
    """With all weights 0 the biases are the flow: each scale says it in the same unit."""
    net = PWCNet(TINY)
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    for decoder in net.decoders.values():
        decoder.predict.bias.data = torch.tensor([0.5, -0.25])
    for flow in net(*_frames(1, 64, 64)):
        assert_close(flow, (FLOW_UNIT_PX * torch.tensor([0.5, -0.25]))[None, :, None, None].expand_as(flow))


def test_sides_that_are_no_multiples_of_64_are_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 64 expected, got \[1, 3, 64, 65\]"):
        _net()(*_frames(1, 64, 65))


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (16, 16), (1, 1), (17, 130), (240, 101)])
def test_frames_of_any_size_have_flow_at_every_and_every_fourth_pixel(height: int, width: int, looks: int) -> None:
    net = _net()
    flow = estimate_flow(net, *_frames(2, height, width), looks)
    quarter = estimate_quarter_flow(net, *_frames(2, height, width), looks)
    assert flow.shape == (2, 2, height, width)
    assert quarter.shape == (2, 2, -(-height // 4), -(-width // 4))
    assert flow.isfinite().all()
    assert quarter.isfinite().all()
    assert not flow.requires_grad


def test_resized_frames_scale_u_by_width_and_v_by_height() -> None:
    net = _Told(torch.tensor([10.0, 8.0])[None, :, None, None].repeat(1, 1, 32, 48))
    flow = estimate_flow(net, *_frames(1, 100, 160))  # type: ignore[arg-type]
    assert net.shown == [(1, 3, 128, 192)] * 2
    expected = torch.tensor([10 * 160 / 192, 8 * 100 / 128])[None, :, None, None]
    assert_close(flow, expected.expand(1, 2, 100, 160))
    quarter = estimate_quarter_flow(net, *_frames(1, 100, 160))  # type: ignore[arg-type]
    assert_close(quarter, expected.expand(1, 2, 25, 40))


def test_a_second_look_adds_what_it_finds_where_the_first_stays_in_the_frame() -> None:
    """Each look says 2 px to the right of what it is shown; the second is shown twice the size."""
    net = _Told(torch.tensor([2.0, 0.0])[None, :, None, None].repeat(1, 1, 32, 32))
    flow = estimate_flow(net, *_frames(1, 128, 128), looks=2)  # type: ignore[arg-type]
    assert net.shown == [(1, 3, 128, 128)] * 2 + [(1, 3, 256, 256)] * 2
    assert_close(flow[:, 0, :, :120], torch.full((1, 128, 120), 3.0))
    assert (flow[:, 0, :, 127] < 2.6).all()  # two of its cell's four pixels leave the frame


@pytest.mark.parametrize(("height", "width"), [(128, 192), (100, 161), (99, 130)])
def test_quarter_cells_stand_in_the_middle_of_four_by_four_pixels(height: int, width: int) -> None:
    """A flow that grows linearly over the frame is read where each cell says it stands."""
    y, x = torch.meshgrid((torch.arange(32) + 0.5) / 32, (torch.arange(48) + 0.5) / 48, indexing="ij")
    net = _Told(torch.stack([x * 192, y * 128])[None])  # u = x, v = y, from edge to edge
    quarter = estimate_quarter_flow(net, *_frames(1, height, width))[0]  # type: ignore[arg-type]
    inner_y, inner_x = height // 4 - 1, width // 4 - 1  # beyond the middle of the last cell nothing is known
    rows, columns = 4 * torch.arange(1, inner_y) + 2.0, 4 * torch.arange(1, inner_x) + 2.0
    assert_close(quarter[0, 1:inner_y, 1:inner_x], columns.expand(inner_y - 1, -1), atol=1e-3, rtol=0)
    assert_close(quarter[1, 1:inner_y, 1:inner_x], rows[:, None].expand(-1, inner_x - 1), atol=1e-3, rtol=0)


def test_quarter_flow_of_a_fitting_frame_is_the_networks_own() -> None:
    frames = _frames(2, 64, 128)
    assert torch.equal(estimate_quarter_flow(_net(), *frames), _net()(*frames)[0])


def test_a_batch_is_its_pairs() -> None:
    first, second = _frames(3, 64, 128)
    together = estimate_flow(_net(), first, second)
    alone = torch.cat([estimate_flow(_net(), first[i : i + 1], second[i : i + 1]) for i in range(3)])
    assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_same_frames_give_the_same_bits() -> None:
    assert torch.equal(estimate_flow(_net(), *_frames(2, 64, 64)), estimate_flow(_net(), *_frames(2, 64, 64)))


@pytest.mark.parametrize("preset", ["default", "lite"])
def test_bf16_and_channels_last_are_close_to_fp32(preset: str) -> None:
    frames = _frames(1, 64, 128)
    exact = estimate_quarter_flow(_net(PRESETS[preset]), *frames)
    last = prepare(_net(PRESETS[preset]), CPU, precision="fp32", channels_last=True, compiled=False)
    assert_close(estimate_quarter_flow(last, *frames), exact, atol=2e-3, rtol=1e-3)
    half = prepare(_net(PRESETS[preset]), CPU, precision="bf16", channels_last=True, compiled=False)
    difference = estimate_quarter_flow(half, *frames) - exact
    assert difference.norm(dim=1).mean() < 0.1 * exact.norm(dim=1).mean()
    assert all(parameter.dtype == torch.float32 for parameter in half.parameters())


def test_can_be_traced_whole_for_compilation() -> None:
    """Without a GPU: all that torch.compile does but generate code."""
    net, frames = _net(), _frames(1, 64, 64)
    with torch.no_grad():
        traced = torch.compile(net, backend="aot_eager", fullgraph=True)
        assert_close(traced(*frames), net(*frames))


def test_compiling_for_a_cpu_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a CUDA device, got cpu; set compiled to false"):
        prepare(_net(), CPU, precision="fp32", channels_last=False, compiled=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9)),
        (torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)),
        (torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)),
    ],
    ids=["two sizes", "grey", "no batch", "bytes"],
)
def test_what_are_no_pairs_is_refused(first: Tensor, second: Tensor) -> None:
    with pytest.raises(ValueError, match=r"RGB frames \(B, 3, H, W\) in \[0, 1\]"):
        estimate_flow(_net(), first, second)


def test_every_weight_is_learnt_from_the_scales() -> None:
    net = PWCNet(replace(TINY, context=(8,) * 6))
    sum(flow.square().mean() for flow in net(*_frames(2, 64, 64))).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def _shifted(random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Eight textures, each moved by whole pixels, up to 4 in each direction: both frames and (B, 2, 1, 1)."""
    coarse, fine = (
        functional.interpolate(torch.rand(8, 3, side, side, generator=random), size=(72, 72), mode="bilinear")
        for side in (20, 40)
    )
    motion = torch.randint(-4, 5, (8, 2), generator=random)
    pictures = (coarse + fine) / 2
    second = [p[:, 4 - v : 68 - v, 4 - u : 68 - u] for p, (u, v) in zip(pictures, motion.tolist(), strict=True)]
    return pictures[:, :, 4:68, 4:68], torch.stack(second), motion[:, :, None, None].float()


def _learn(net: PWCNet, steps: int) -> PWCNet:
    """Train on translations at all scales."""
    random = torch.Generator().manual_seed(3)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(steps):
        first, second, motion = _shifted(random)
        loss = sum((flow - motion).norm(dim=1).mean() for flow in net(first, second))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def test_learns_translations_from_nothing_with_normalised_features() -> None:
    torch.manual_seed(5)
    net = _learn(PWCNet(TINY), steps=180)
    first, second, motion = _shifted(torch.Generator().manual_seed(4))
    flow = estimate_flow(net, first, second)
    error, of_no_flow = (flow - motion).norm(dim=1).mean(), motion.norm(dim=1).mean()
    assert error < 0.6 * of_no_flow
    half = prepare(net, CPU, precision="bf16", channels_last=True, compiled=False)
    assert (estimate_flow(half, first, second) - flow).norm(dim=1).mean() < 0.1  # px


def test_training_again_from_a_seed_gives_the_same_bits() -> None:
    nets: list[PWCNet] = []
    for _ in range(2):
        torch.manual_seed(6)
        nets.append(_learn(PWCNet(TINY), steps=2))
    one, other = (net.state_dict() for net in nets)
    assert all(torch.equal(one[name], other[name]) for name in one)
