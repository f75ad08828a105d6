"""Ranks together give what one process gives: sums, gradients, norms, losses, steps."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stages.separators import Model
from stages.training.batches import Batch, Batches
from stages.training.export import new_separator
from stages.training.learner import Learner
from stages.training.norms import join_norms
from stages.training.optimizer import state_tensors
from stages.training.ranks import ALONE, Ranks, joined, rows_of
from stages.training.seeding import make_deterministic
from tests.synth.gang import Gang, gang
from tests.synth.learning import (
    CLIP,
    MODEL,
    SPECTROGRAM,
    MemoryMedia,
    decoded,
    first_phase,
    pretrain_section,
    sampler,
    train_section,
)

CLIPS = [decoded(f"{kind}-{seed}") for kind in range(4) for seed in range(2)]
STEPS = 6


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gang]:
    with gang(2, tmp_path_factory.mktemp("pair")) as started:
        yield started


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [5, 8, 13])
def test_rows_are_shared_out_whole_in_order_and_evenly(size: int, count: int) -> None:
    shares = [rows_of(_At(rank, size), count) for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class _At:
    """A place among ranks."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


def _values(rank: int) -> Tensor:
    return torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]][: 2 - rank]) * (10**rank)


def talk(ranks: Ranks) -> dict[str, Any]:
    flag = ranks.rank == 1
    added = [torch.tensor(1.0 + ranks.rank), torch.full((2, 1), 10.0 * ranks.rank)]
    ranks.add_up(added)
    rows = _values(ranks.rank).requires_grad_()
    together = joined(ranks, rows)
    # each rank's loss weighs the rows by its own number: gradients of a row are the sum over ranks
    (together.sum() * (ranks.rank + 1)).backward()
    return {
        "any": (ranks.any(flag), ranks.any(False)),
        "told": (ranks.told(2.5 + ranks.rank), ranks.told(None), ranks.told(None if ranks.rank == 0 else 1.0)),
        "added": [value.tolist() for value in added],
        "joined": together.tolist(),
        "gradient": rows.grad.tolist() if rows.grad is not None else None,
    }


def test_what_ranks_say_to_each_other(pair: Gang) -> None:
    first, second = pair.call(talk)
    for said in (first, second):
        assert said["any"] == (True, False)
        assert said["told"] == (2.5, None, None)
        assert said["added"] == [3.0, [[10.0], [10.0]]]
        assert said["joined"] == [[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]]
    assert first["gradient"] == [[3.0, 3.0]] * 2
    assert second["gradient"] == [[3.0, 3.0]]


NORMS = {
    "1d": (lambda: nn.BatchNorm1d(3, affine=False), (5, 3)),
    "2d": (lambda: nn.BatchNorm2d(3), (5, 3, 4, 6)),
    "3d": (lambda: nn.BatchNorm3d(3, momentum=0.3), (5, 3, 2, 4, 2)),
}


def _norm_and_input(kind: str) -> tuple[nn.Sequential, Tensor, Tensor]:
    make, shape = NORMS[kind]
    random = torch.Generator().manual_seed(3)
    net = nn.Sequential(make())
    for value in net.state_dict().values():
        if value.dtype.is_floating_point:
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    x = 50 + 3 * torch.randn(shape, generator=random)  # far from zero: a difference of squares would lose digits
    return net, x, torch.randn(shape, generator=random)


def normed(ranks: Ranks, kind: str, dtype: torch.dtype) -> dict[str, Any]:
    """Two passes through a norm with this rank's rows, a gradient for each."""
    net, x, gradient = _norm_and_input(kind)
    names = list(net.state_dict())
    if ranks.size > 1:
        join_norms(net, ranks)
    assert list(net.state_dict()) == names
    own = slice(rows_of(ranks, len(x)).start, rows_of(ranks, len(x)).stop)
    x = x[own].to(dtype).requires_grad_()
    for _ in range(2):
        net(x).backward(gradient[own].to(dtype))
    parameters = [value.grad for value in net.parameters() if value.grad is not None]
    ranks.add_up(parameters or [torch.zeros(1)])
    assert x.grad is not None
    trained = {"x": x.grad, **{f"of {place}": value for place, value in enumerate(parameters)}, "y": net(x).detach()}
    return trained | net.state_dict() | {"eval": net.eval()(x).detach()}


@pytest.mark.parametrize("kind", list(NORMS))
def test_a_norm_over_ranks_is_torchs_norm_over_the_whole_batch(pair: Gang, kind: str) -> None:
    whole = normed(ALONE, kind, torch.float32)
    first, second = pair.call(normed, kind, torch.float32)
    for name, expected in whole.items():
        by_row = name in ("x", "y", "eval")
        found = torch.cat([first[name], second[name]]) if by_row else first[name]
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5, msg=lambda text, name=name: f"{name}: {text}")
        assert by_row or torch.equal(first[name], second[name])


def test_a_norm_of_half_precision_keeps_its_statistics_in_full(pair: Gang) -> None:
    first, _ = pair.call(normed, "2d", torch.bfloat16)
    assert first["y"].dtype == torch.bfloat16
    assert first["0.running_var"].dtype == torch.float32
    expected = normed(ALONE, "2d", torch.bfloat16)
    torch.testing.assert_close(first["0.running_mean"], expected["0.running_mean"], rtol=1e-5, atol=1e-5)


def learned(ranks: Ranks, changes: dict[str, Any], model: Model, poisoned: int | None = None) -> dict[str, Any]:
    """Some steps of learning, pretraining first where there is any; `poisoned`: a step whose last row is no number."""
    make_deterministic(1, torch.device("cpu"))
    train = train_section(batch_mixtures=5, **changes)
    separator = new_separator(CLIP, SPECTROGRAM, model, train, device=torch.device("cpu"))
    learner = Learner(separator, train, first_phase(train), ranks)
    batches = Batches(MemoryMedia(), sampler(CLIPS, train), model.appearance, train)
    losses: list[float] = []
    if train.pretrain.objective != "none":
        losses += [learner.pretrain(batches.clips_at(step, ranks), step) for step in range(train.pretrain.steps)]
    for step in range(STEPS):
        batch = batches.at(step, ranks)
        if step == poisoned and ranks.rank == ranks.size - 1:
            batch = replace(batch, sources=batch.sources * torch.nan)
        losses.append(learner.learn(batch, step))
    return {
        "losses": losses,
        "weights": learner.net.state_dict(),
        "moments": state_tensors(learner.net, learner.optimizer),
    }


PRETRAIN = pretrain_section("correspondence", 3, batch_clips=7)


@pytest.mark.parametrize(
    ("changes", "head"),
    [({}, "independent"), ({"mask": "ratio"}, "independent"), ({"pretrain": PRETRAIN}, "competitive")],
)
def test_two_ranks_take_the_steps_of_one_process(pair: Gang, changes: dict[str, Any], head: str) -> None:
    """By SGD: what AdamW divides by is as small as rounding where a gradient is."""
    sgd = train_section().optimizer.model_dump() | {"algorithm": "sgd"}
    changes = changes | {"optimizer": sgd, "rate": 0.01, "appearance_rate": 0.01}
    model = MODEL.model_copy(update={"head": head})
    whole = learned(ALONE, changes, model)
    first, second = pair.call(learned, changes, model)
    assert first["losses"] == second["losses"]
    assert first["losses"] == pytest.approx(whole["losses"], rel=1e-4)
    assert whole["losses"][-1] != whole["losses"][0]
    for name, expected in whole["weights"].items():
        assert torch.equal(first["weights"][name], second["weights"][name]), name
        torch.testing.assert_close(first["weights"][name], expected, rtol=1e-3, atol=1e-4, msg=name)


def test_what_is_not_finite_on_one_rank_is_skipped_by_all(pair: Gang) -> None:
    first, second = pair.call(learned, {}, MODEL, 2)
    assert [math.isnan(loss) for loss in first["losses"]] == [step == 2 for step in range(STEPS)]
    assert first["losses"][3:] == second["losses"][3:]
    for kind in ("weights", "moments"):
        assert all(torch.equal(value, second[kind][name]) for name, value in first[kind].items())
        assert all(value.isfinite().all() for value in first[kind].values())


def test_a_rank_builds_the_rows_that_one_process_builds() -> None:
    train = train_section(batch_mixtures=5, pretrain=PRETRAIN)
    batches = Batches(MemoryMedia(), sampler(CLIPS, train), MODEL.appearance, train)
    for make in (batches.at, batches.clips_at):
        whole = make(3)
        shares: list[Batch] = [make(3, _At(rank, 3)) for rank in range(3)]
        assert torch.equal(torch.cat([share.sources for share in shares]), whole.sources)
        assert torch.equal(torch.cat([share.frames for share in shares]), whole.frames)
