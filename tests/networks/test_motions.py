"""The whole model: every sensible combination learns, and what is not seen changes nothing."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stages.networks.motions import MotionsSeparator
from stages.networks.network import ABLATIONS
from stages.networks.separation import Separator, activate, load, save
from stages.networks.sight import num_moments
from stages.training.batches import Batch
from stages.training.export import new_separator
from stages.training.learner import Learner
from tests.synth.learning import first_phase, train_section
from tests.synth.struck import CLIP, NUM_SAMPLES, SPECTROGRAM, changed

RANDOM = torch.Generator().manual_seed(4)
_SEES = {"none": ("decode", 24), "difference": ("decode", 24), "flow": ("flow", 8), "trajectories": ("trajectories", 8)}


_INCEPTION = {"network": "inception", "base_channels": 4, "strides": [2, 2, 1]}


def _model(source: str, **changes: Any) -> Any:
    sees, rate_hz = _SEES[source]
    return changed(sees=sees, motion__input=source, motion__rate_hz=rate_hz, **changes)


def _batch(model: Any, num_sources: int = 2) -> Batch:
    channels = {"none": 0, "difference": 1}.get(model.motion.input, 2)
    steps = num_moments(model.motion, CLIP)
    motion = torch.randn(1, num_sources, channels, steps, 8, 8, generator=RANDOM) if channels else None
    sources = torch.randn(1, num_sources, NUM_SAMPLES, generator=RANDOM)
    return Batch(sources, torch.randn(1, num_sources, 1, 3, 32, 32, generator=RANDOM), motion)


def _sensible() -> list[tuple[str, str, str, str]]:
    every = product(
        ("none", "difference", "flow", "trajectories"),
        ("film", "synthesizer"),
        ("attention", "concat", "alone"),
        ("binary/independent", "binary/competitive", "ratio/independent"),
    )
    return [one for one in every if one[:3:2] != ("none", "alone")]


@pytest.mark.parametrize(("source", "conditioning", "rule", "masks"), _sensible())
def test_every_sensible_combination_takes_a_step(source: str, conditioning: str, rule: str, masks: str) -> None:
    torch.set_num_threads(1)
    mask, head = masks.split("/")
    model = _model(source, conditioning=conditioning, fusion__rule=rule, head=head)
    train = train_section(mask=mask)
    separator = new_separator(CLIP, SPECTROGRAM, model, train, device=torch.device("cpu"))
    before = {name: value.clone() for name, value in separator.net.named_parameters()}
    learner = Learner(separator, train, first_phase(train))
    assert torch.tensor([learner.learn(_batch(model), step) for step in range(2)]).isfinite().all()
    moved = {n.split(".")[0] for n, v in separator.net.named_parameters() if not torch.equal(before[n], v)}
    assert moved == {name for name, part in separator.net.named_children() if list(part.parameters())}


@pytest.mark.parametrize("num_sources", [2, 3, 4])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trajectory": {"network": "inception", "base_channels": 4, "strides": [2, 2, 1]}},
        {"audio__film_levels": [1, 2, 3]},
    ],
)
def test_masks_follow_their_sources(num_sources: int, changes: dict[str, Any]) -> None:
    model = _model("flow", **changes)
    torch.manual_seed(1)
    net = MotionsSeparator(model, CLIP, SPECTROGRAM).eval()
    batch = _batch(model, num_sources)
    assert batch.motion is not None
    heard = torch.rand(1, 1, 64, 49, generator=RANDOM)
    logits = net(heard, batch.frames, batch.motion)
    assert logits.shape == (1, num_sources, 64, 49)
    turned = net(heard, batch.frames.flip(1), batch.motion.flip(1))
    assert_close(turned, logits.flip(1), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(logits[:, 0], logits[:, 1], atol=1e-5)


def _separator(**changes: Any) -> Separator:
    torch.manual_seed(1)
    model = changed(**changes)
    return Separator(MotionsSeparator(model, CLIP, SPECTROGRAM), model, CLIP, SPECTROGRAM, "binary")


def _seen(frames: Tensor) -> Tensor:
    """The same picture for every source."""
    return frames[:, :1].expand_as(frames)


def test_competing_without_motion_they_share_the_mixture_exactly() -> None:
    separator = _separator()
    batch = _batch(separator.model)
    mixture = batch.sources.mean(dim=1)
    still = separator.soft_masks(mixture, _seen(batch.frames), batch.motion, ABLATIONS["zero_motion"])
    assert_close(still, torch.full_like(still, 0.5), rtol=0, atol=1e-6)
    moving = separator.soft_masks(mixture, _seen(batch.frames), batch.motion)
    assert (moving - 0.5).abs().max() > 1e-4


def test_each_ablation_blinds_to_its_own_part_alone() -> None:
    separator = _separator()
    batch = _batch(separator.model)
    mixture = batch.sources.mean(dim=1)
    assert batch.motion is not None
    other = batch.motion.flip(1)

    def masks(frames: Tensor, motion: Tensor, name: str) -> Tensor:
        return separator.soft_masks(mixture, frames, motion, ABLATIONS[name])

    assert_close(masks(batch.frames, batch.motion, "zero_motion"), masks(batch.frames, other, "zero_motion"))
    assert not torch.allclose(
        masks(batch.frames, batch.motion, "zero_appearance"), masks(batch.frames, other, "zero_appearance"), atol=1e-6
    )
    assert_close(masks(batch.frames, other, "zero_appearance"), masks(batch.frames.flip(1), other, "zero_appearance"))
    assert _separator(fusion__rule="alone").net.ablations == ("zero_motion", "mean_motion")


def test_motion_is_divided_by_its_strength_in_training() -> None:
    net = MotionsSeparator(changed(), CLIP, SPECTROGRAM).eval()
    batch = _batch(changed())
    assert batch.motion is not None
    heard = torch.rand(1, 1, 64, 49, generator=RANDOM)
    plain = net(heard, batch.frames, batch.motion)
    net.motion_rms.fill_(4.0)
    assert_close(net(heard, batch.frames, 4 * batch.motion), plain)


def test_files_give_the_same_separator(tmp_path: Any) -> None:
    separator = _separator()
    assert isinstance(separator.net, MotionsSeparator)
    separator.net.motion_rms.fill_(0.25)
    save(separator, tmp_path, {"name": "motions"})
    found, batch = load(tmp_path), _batch(separator.model)
    mixture = batch.sources.mean(dim=1)
    assert found.model == separator.model
    for one in (found, separator):
        one.net.eval()
    expected = separator.separate(mixture, batch.frames, batch.motion, mask="soft")
    assert torch.equal(found.separate(mixture, batch.frames, batch.motion, mask="soft"), expected)


def test_a_separator_that_sees_motion_asks_for_it() -> None:
    separator = _separator()
    batch = _batch(separator.model)
    with pytest.raises(ValueError, match="sees motion: expected"):
        separator.separate(batch.sources.mean(dim=1), batch.frames, mask="soft")


def test_competing_logits_share_out() -> None:
    logits = torch.zeros(1, 3, 2, 2)
    assert_close(activate(logits, "binary", "competitive"), torch.full((1, 3, 2, 2), 1 / 3))
