"""One step: it learns, and it refuses what is not finite. Two clips can be learnt by heart, by their pictures only."""

from dataclasses import replace

import pytest
import torch

from stages.audio.mixing import mix
from stages.metrics.bss import si_sdr
from stages.training.batches import Batch, Batches
from stages.training.export import new_separator
from stages.training.learner import Learner
from stages.training.optimizer import state_tensors
from stages.training.seeding import make_deterministic
from stages.training.validation import read_mixes
from tests.synth.learning import (
    CLIP,
    MODEL,
    NUM_SAMPLES,
    SPECTROGRAM,
    MemoryMedia,
    decoded,
    first_phase,
    new_learner,
    pretrain_section,
    sampler,
    train_section,
)

PAIR = [decoded("0-0"), decoded("2-0")]


def _batch() -> Batch:
    return Batches(MemoryMedia(), sampler(PAIR, train_section()), MODEL.appearance, train_section()).at(0)


@pytest.mark.parametrize("mask", ["binary", "ratio"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loss_of_a_repeated_batch_falls(mask: str, precision: str) -> None:
    torch.set_num_threads(1)
    learner = new_learner(train_section(mask=mask, precision=precision))
    losses = [learner.learn(_batch(), step) for step in range(8)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_competitive_head_learns_too() -> None:
    torch.set_num_threads(1)
    train = train_section()
    model = MODEL.model_copy(update={"head": "competitive"})
    learner = Learner(
        new_separator(CLIP, SPECTROGRAM, model, train, device=torch.device("cpu")), train, first_phase(train)
    )
    losses = [learner.learn(_batch(), step) for step in range(8)]
    assert losses[-1] < 0.9 * losses[0]


def test_pretraining_finds_each_sound_and_moves_the_appearance_network_alone() -> None:
    make_deterministic(1, torch.device("cpu"))
    train = train_section(pretrain=pretrain_section("correspondence", 60))
    learner = new_learner(train)
    clips = [decoded(f"{kind}-{seed}") for kind in range(4) for seed in range(2)]
    batches = Batches(MemoryMedia(), sampler(clips, train), MODEL.appearance, train)
    before = {name: value.clone() for name, value in learner.separator.net.named_parameters()}
    losses = [learner.pretrain(batches.clips_at(step), step) for step in range(train.pretrain.steps)]
    # two videos of a batch may be of one kind: their sounds can't be told apart by the picture
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    moved = {name for name, value in learner.separator.net.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith("appearance.")}


@pytest.mark.parametrize("what", ["sources", "frames"])
def test_a_batch_that_is_not_finite_changes_nothing(what: str) -> None:
    learner, good = new_learner(train_section()), _batch()
    learner.learn(good, 0)
    before = {name: value.clone() for name, value in learner.net.state_dict().items()}
    moments = {name: value.clone() for name, value in state_tensors(learner.net, learner.optimizer).items()}
    poisoned = getattr(good, what).clone()
    poisoned.view(-1)[7] = torch.nan
    assert learner.learn(replace(good, **{what: poisoned}), 1) != learner.learn(replace(good, **{what: poisoned}), 1)
    assert all(torch.equal(before[name], value) for name, value in learner.net.state_dict().items())
    after = state_tensors(learner.net, learner.optimizer)
    assert all(torch.equal(moments[name], value) for name, value in after.items())
    assert learner.learn(good, 1) < 10


def test_two_clips_are_learnt_by_heart_and_not_with_the_pictures_swapped() -> None:
    make_deterministic(1, torch.device("cpu"))
    train = train_section(rate=0.01, appearance_rate=0.005, decay_steps=[100])
    learner = new_learner(train)
    batches = Batches(MemoryMedia(), sampler(PAIR, train), MODEL.appearance, train)
    for step in range(140):
        learner.learn(batches.at(step), step)
    (pair,) = read_mixes(MemoryMedia(), [("0-0", "2-0")], MODEL.appearance, NUM_SAMPLES)
    frames = torch.stack([pair.frames, pair.frames.flip(0)])
    seen, swapped = learner.separator.separate(mix(pair.sources).expand(2, -1), frames, mask="soft")
    assert si_sdr(pair.sources, seen).min() > 10
    assert si_sdr(pair.sources, swapped).max() < 0
