"""Players who look and sound alike are told apart by when they move, and by nothing else."""

from dataclasses import replace

import pytest
import torch

from stages.audio.mixing import mix
from stages.metrics.bss import si_sdr
from stages.networks.motions import MotionsSeparator
from stages.networks.network import ABLATIONS
from stages.networks.separation import Separator
from stages.networks.sight import central
from stages.training.batches import Batches, training_clips
from stages.training.export import new_separator
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.scaling import scale_motion
from stages.training.validation import ValidationMix, mean_si_sdr, read_mixes
from tests.synth.learning import decoded, first_phase, sampler, train_section
from tests.synth.struck import CLIP, NUM_SAMPLES, SPECTROGRAM, StruckMedia, changed, windows

_STEPS = 140
_PAIRS = [(f"0-{900 + 2 * pair}", f"0-{901 + 2 * pair}") for pair in range(12)]


def _ablated(separator: Separator, mixes: list[ValidationMix], name: str) -> float:
    scores: list[torch.Tensor] = []
    for one in mixes:
        mixture = mix(one.sources)[None]
        assert one.motion is not None
        masks = separator.soft_masks(mixture, one.frames[None], one.motion[None], ABLATIONS[name])
        scores.append(si_sdr(one.sources, separator.masked(mixture, masks)[0]))
    return torch.cat(scores).mean().item()


def test_motion_separates_what_looks_and_sounds_alike() -> None:
    torch.set_num_threads(1)
    model, media = changed(), StruckMedia()
    rates = {"rate": 4e-3, "appearance_rate": 4e-3, "decay_steps": [_STEPS * 3 // 4]}
    optimizer = train_section().optimizer.model_copy(update={"warmup_steps": 5})
    train = train_section(batch_mixtures=8, gain_low=0.8, gain_high=1.2, optimizer=optimizer, **rates)
    rows = [decoded(f"0-{seed}", num_samples=NUM_SAMPLES) for seed in range(160)]
    clips = training_clips(rows, 2, sampling="videos")
    separator = new_separator(CLIP, SPECTROGRAM, model, train, device=torch.device("cpu"))
    scale_motion(separator, media, clips, windows(model))
    learner = Learner(separator, train, first_phase(train))
    batches = Batches(media, sampler(rows, train), model.appearance, train, windows(model))
    for step in range(_STEPS):
        learner.learn(batches.at(step), step)
    mixes = read_mixes(media, _PAIRS, model.appearance, NUM_SAMPLES, windows(model))
    assert _score(separator, mixes) > 6.0  # 6.7 when this was written
    mixture = torch.cat([si_sdr(one.sources, mix(one.sources).expand(2, -1)) for one in mixes]).mean().item()
    assert _ablated(separator, mixes, "zero_motion") == pytest.approx(mixture, abs=1e-3)
    motions = [one.motion for one in mixes if one.motion is not None]
    swapped = [replace(one, motion=motion.flip(0)) for one, motion in zip(mixes, motions, strict=True)]
    assert _score(separator, swapped) < -5.0


def test_motion_comes_at_unit_strength_and_is_left_alone_where_it_should() -> None:
    media = StruckMedia()
    clips = training_clips([decoded(f"0-{seed}") for seed in range(3)], 2, sampling="videos")
    for unit_rms in (True, False):
        model = changed(motion__unit_rms=unit_rms)
        separator = new_separator(CLIP, SPECTROGRAM, model, train_section(), device=torch.device("cpu"))
        scale_motion(separator, media, clips, windows(model))
        assert isinstance(separator.net, MotionsSeparator)
        seen = [central(media, [ids[0]], model.appearance, windows(model))[1] for ids in clips.by_video]
        moved = torch.stack([motion for motion in seen if motion is not None]) / separator.net.motion_rms
        strength = moved.square().mean().sqrt().item()
        assert strength == pytest.approx(1.0, abs=1e-4) if unit_rms else strength < 0.5


def test_the_picture_is_the_first_one_and_motion_varies_with_it() -> None:
    model, media = changed(), StruckMedia()
    still = {"contrast": 0, "brightness": 0, "shuffle_channels": False}
    train = train_section(augmentation={"zoom": 0.2, "shift": 0.1, **still})
    clips = [decoded(f"0-{seed}", num_samples=NUM_SAMPLES) for seed in range(4)]
    batches = Batches(media, sampler(clips, train), model.appearance, train, windows(model))
    batch, again = batches.at(3), batches.at(3)
    assert batch.motion is not None and again.motion is not None
    assert batch.motion.shape == (2, 2, 1, 36, 8, 8) and torch.equal(batch.motion, again.motion)
    plain = Batches(media, sampler(clips, train), model.appearance, train_section(), windows(model)).at(3).motion
    assert plain is not None and not torch.equal(batch.motion, plain)


def _score(separator: Separator, mixes: list[ValidationMix]) -> float:
    found = mean_si_sdr(separator, mixes, Stop())
    assert found is not None
    return found
