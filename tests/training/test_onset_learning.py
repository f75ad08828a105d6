"""Pretraining by coinciding onsets: the motion network learns which motion makes a sound, and nothing else moves."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from stages.audio.onsets import sound_onsets
from stages.metrics.coincidence import area_under_curve
from stages.networks.coincidence import log_likelihoods, onset_targets
from stages.networks.separation import Separator
from stages.networks.sight import times_s
from stages.params import Train
from stages.separators import Motions
from stages.shards.schema import DecodedClip, Split
from stages.training.batches import Batch, Batches, training_clips
from stages.training.export import new_separator
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.phased import PhasedTraining
from stages.training.scaling import scale_motion
from stages.training.seeding import make_deterministic
from stages.training.sources import sources_of
from stages.training.watching import Watch
from tests.synth import learning, struck
from tests.synth.learning import (
    MemoryTracker,
    StopsAfter,
    decoded,
    first_phase,
    legs_in,
    pretrain_section,
    sampler,
    train_section,
)

_STEPS = 40


def _clips(seeds: range, split: Split = "train") -> list[DecodedClip]:
    return [decoded(f"0-{seed}", split, num_samples=struck.NUM_SAMPLES) for seed in seeds]


def _train(steps: int, batch_clips: int = 16) -> Train:
    phase = {"name": "S1", "rules": {"any": 1.0}, "num_sources": 2, "steps": 3, "rate": 5e-3}
    phases = [phase | {"appearance_rate": 4e-3, "decay_steps": []}]
    pretrain = pretrain_section("coincidence", steps, batch_clips)
    return train_section(pretrain=pretrain, curriculum={"pixels": phases}, checkpoint_every_steps=2)


def _separator(train: Train, **changes: Any) -> Separator:
    make_deterministic(1, torch.device("cpu"))
    model, media = struck.changed(**changes), struck.StruckMedia()
    separator = new_separator(struck.CLIP, struck.SPECTROGRAM, model, train, device=torch.device("cpu"))
    clips = training_clips(_clips(range(160)), 2, sampling="videos")
    scale_motion(separator, media, clips, struck.windows(model))
    return separator


def _setting(steps: int, **changes: Any) -> tuple[Learner, Batches]:
    train = _train(steps)
    learner = Learner(_separator(train, **changes), train, first_phase(train))
    return learner, _batches(range(160), train, **changes)


def _batches(seeds: range, train: Train, **changes: Any) -> Batches:
    model = struck.changed(**changes)
    return Batches(struck.StruckMedia(), sampler(_clips(seeds), train), model.appearance, train, struck.windows(model))


def _auc(learner: Learner, batch: Batch) -> float:
    """How often a clip's own motion makes its sound more likely, against the mean over all clips, than another's."""
    net, model = learner.separator.net.eval(), learner.separator.model
    assert isinstance(model, Motions)
    heard = [sound_onsets(one, struck.CLIP.sample_rate_hz, gap_s=0.125, rise=0.16) for one in batch.sources[:, 0]]
    targets = torch.stack([onset_targets(one, times_s(model.motion, struck.CLIP)) for one in heard])
    with torch.no_grad():
        fits = log_likelihoods(learner.net["onsets"](net.moves(batch.motion)[:, 0]), targets)
    lifts = fits - fits.mean(dim=1, keepdim=True)
    own = torch.eye(len(lifts), dtype=torch.bool)
    return area_under_curve(lifts[own].tolist(), lifts[~own].tolist()) or 0.0


def test_which_motion_makes_a_sound_is_learnt_by_the_motion_network_alone() -> None:
    learner, batches = _setting(_STEPS)
    before = {name: value.clone() for name, value in learner.separator.net.named_parameters()}
    unseen = _batches(range(900, 948), _train(1, 48)).clips_at(0)
    losses = [learner.pretrain(batches.clips_at(step), step) for step in range(_STEPS)]
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])
    assert _auc(learner, unseen) > 0.97
    moved = {name for name, value in learner.separator.net.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith("trajectory.")}


def test_the_motion_of_others_tells_nothing_of_a_sound() -> None:
    """With motion taken from another clip of each batch the likelihood does not get beyond the rate of onsets."""
    learner, batches = _setting(_STEPS)
    losses: list[float] = []
    for step in range(_STEPS):
        batch = batches.clips_at(step)
        assert batch.motion is not None
        losses.append(learner.pretrain(Batch(batch.sources, batch.frames, batch.motion.roll(1, dims=0)), step))
    targets: list[Tensor] = []
    for sound in batches.clips_at(0).sources[:, 0]:
        onsets_s = sound_onsets(sound, struck.CLIP.sample_rate_hz, gap_s=0.125, rise=0.16)
        targets.append(onset_targets(onsets_s, torch.arange(36) / 24))
    rate = torch.cat(targets).mean()
    constant = -(rate * rate.log() + (1 - rate) * (1 - rate).log()).item()
    assert sum(losses[-5:]) / 5 > 0.9 * constant


@pytest.mark.parametrize("changes", [{"motion__input": "none"}, None])
def test_without_motion_there_is_nothing_to_teach(changes: dict[str, Any] | None) -> None:
    if changes is None:
        learner = learning.new_learner(train_section(pretrain=pretrain_section("coincidence", 2)))
        drawn = sampler([decoded("0-0"), decoded("1-0")], train_section())
        batches = Batches(learning.MemoryMedia(), drawn, learning.MODEL.appearance, train_section())
    else:
        learner, batches = _setting(2, **changes)
    with pytest.raises(ValueError, match="sees no motion, which the objective coincidence would teach; set it to none"):
        learner.pretrain(batches.clips_at(0), 0)


def _training() -> PhasedTraining:
    train, model = _train(4), struck.changed()
    clips, held_out = _clips(range(160)), _clips(range(900, 902), "validation")
    return PhasedTraining(
        separator=_separator(train),
        train=train,
        sources=sources_of([*clips, *held_out], training_clips(clips, 2, sampling="videos"), (("0-900", "0-901"),)),
        media=struck.StruckMedia(),
        windows=struck.windows(model),
        videos={"train": [], "validation": []},
        tracker=MemoryTracker(),
        watch=Watch([], bf16=False),
    )


def test_interruptions_change_no_bit(tmp_path: Path) -> None:
    whole = _training()
    expected = whole.complete("tiny", legs_in(whole.train, tmp_path / "whole"), Stop())
    reached, looks, starts = None, 2, 0
    while reached is None:
        training, starts, looks = _training(), starts + 1, looks % 3 + 3
        with suppress(SystemExit):
            legs = legs_in(training.train, tmp_path / "parts")
            reached = training.complete("tiny", legs, StopsAfter(looks))
    assert starts > 2 and reached.state == expected.state
    found, kept = (one.checkpoints.path(one.state.step) for one in (reached, expected))
    for name in ("weights.safetensors", "optimizer.safetensors"):
        assert (found / name).read_bytes() == (kept / name).read_bytes()
