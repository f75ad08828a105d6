"""Pretraining by coinciding onsets: the motion network learns which motion makes a sound, and nothing else moves."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from stages.audio.onsets import sound_onsets
from stages.metrics.coincidence import area_under_curve
from stages.networks.coincidence import log_likelihoods, onset_targets
from stages.networks.sight import times_s
from stages.separators import Motions
from stages.training.batches import Batch, Batches, training_clips
from stages.training.checkpoint import Checkpoints
from stages.training.export import new_separator
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.loop import Course
from stages.training.scaling import scale_motion
from stages.training.seeding import make_deterministic
from tests.synth import learning, struck
from tests.synth.learning import MemoryTracker, decoded, pretrain_section, train_section

_STEPS = 40


def _clips(seeds: range) -> list[Any]:
    return [decoded(f"0-{seed}", num_samples=struck.NUM_SAMPLES) for seed in seeds]


def _setting(steps: int, **changes: Any) -> tuple[Learner, Batches]:
    make_deterministic(1, torch.device("cpu"))
    model, media = struck.changed(**changes), struck.StruckMedia()
    optimizer = train_section().optimizer.model_copy(update={"appearance_rate": 4e-3, "decay_steps": ()})
    train = train_section(pretrain=pretrain_section("coincidence", steps, 16), optimizer=optimizer)
    clips = training_clips(_clips(range(160)), 2, sampling="videos")
    separator = new_separator(struck.CLIP, struck.SPECTROGRAM, model, train, device=torch.device("cpu"))
    scale_motion(separator, media, clips, struck.windows(model))
    return Learner(separator, train), Batches(media, clips, model.appearance, train, struck.windows(model))


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
    media, model = struck.StruckMedia(), struck.changed()
    train = train_section(pretrain=pretrain_section("coincidence", 1, 48))
    held_out = training_clips(_clips(range(900, 948)), 2, sampling="videos")
    unseen = Batches(media, held_out, model.appearance, train, struck.windows(model)).clips_at(0)
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
        media, clips = learning.MemoryMedia(), [decoded("0-0"), decoded("1-0")]
        batches = Batches(
            media, training_clips(clips, 2, sampling="videos"), learning.MODEL.appearance, train_section()
        )
    else:
        learner, batches = _setting(2, **changes)
    with pytest.raises(ValueError, match="sees no motion, which the objective coincidence would teach; set it to none"):
        learner.pretrain(batches.clips_at(0), 0)


class _StopsAfter(Stop):
    """Asks to stop the n-th time that somebody looks."""

    def __init__(self, looks: int) -> None:
        self._left = looks

    @property
    def requested(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._left -= 1
        return self._left < 0


def _course(folder: Path) -> Course:
    learner, batches = _setting(4)
    folder.mkdir(parents=True, exist_ok=True)
    train = train_section(pretrain=pretrain_section("coincidence", 4, 16), steps=3, validate_every_steps=3)
    return Course(learner, batches, [], Checkpoints(folder), MemoryTracker(), train)


def test_interruptions_change_no_bit(tmp_path: Path) -> None:
    whole = _course(tmp_path / "whole")
    expected = whole.complete("tiny", Stop())
    state, looks, starts = None, 1, 0
    while state is None or not whole.finished(state):
        course = _course(tmp_path / "parts")
        state = course.complete("tiny", _StopsAfter(looks))
        looks, starts = looks % 3 + 2, starts + 1
    assert starts > 2 and state == expected
    found, kept = (one.checkpoints.path(one.checkpoints.steps()[-1]) for one in (course, whole))
    for name in ("weights.safetensors", "optimizer.safetensors"):
        assert (found / name).read_bytes() == (kept / name).read_bytes()
    assert isinstance(whole.tracker, MemoryTracker)
