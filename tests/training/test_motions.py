"""Players who look and sound alike are told apart by when they move, and by nothing else."""

import torch

from stages.audio.mixing import mix
from stages.metrics.bss import si_sdr
from stages.networks.network import ABLATIONS
from stages.networks.separation import Separator
from stages.training.batches import Batches, training_clips
from stages.training.export import new_separator
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.scaling import scale_motion
from stages.training.validation import ValidationMix, mean_si_sdr, read_mixes
from tests.synth.learning import decoded, train_section
from tests.synth.struck import CLIP, NUM_SAMPLES, SPECTROGRAM, StruckMedia, changed, windows

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
    train = train_section(
        batch_mixtures=8,
        gain_low=0.8,
        gain_high=1.2,
        optimizer=train_section().optimizer.model_copy(
            update={"rate": 4e-3, "appearance_rate": 4e-3, "warmup_steps": 5, "decay_steps": (STEPS * 3 // 4,)}
        ),
    )
    clips = training_clips([decoded(f"0-{seed}", num_samples=NUM_SAMPLES) for seed in range(160)], 2, sampling="videos")
    separator = new_separator(CLIP, SPECTROGRAM, model, train, device=torch.device("cpu"))
    scale_motion(separator, media, clips, windows(model))
    learner, batches = Learner(separator, train), Batches(media, clips, model.appearance, train, windows(model))
    for step in range(STEPS):
        learner.learn(batches.at(step), step)
    mixes = read_mixes(media, _PAIRS, model.appearance, NUM_SAMPLES, windows(model))
    found = mean_si_sdr(separator, mixes, Stop())
    mixture = torch.cat([si_sdr(one.sources, mix(one.sources).expand(2, -1)) for one in mixes]).mean().item()
    still = _ablated(separator, mixes, "zero_motion")
    turned = [
        ValidationMix(one.sources, one.frames, one.motion.roll(1, dims=0)) for one in mixes if one.motion is not None
    ]
    swapped = mean_si_sdr(separator, turned, Stop())
    print(found, mixture, still, swapped)


STEPS = 200
