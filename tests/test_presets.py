"""Every ready-made params file is valid and its model, at its real size, takes two steps on one mixture."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.audio.stft import Stft
from stages.networks.sight import Field, MotionWindows
from stages.params import Clip, Params, read
from stages.separators import Model, Pixels
from stages.training.batches import Batches, pool_of, training_clips
from stages.training.curriculum import Sampler
from stages.training.export import new_separator
from stages.training.learner import Learner
from tests.synth.learning import decoded

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]


class _NoiseMedia:
    """Clips of a preset's geometry, full of noise."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._random = clip, np.random.default_rng(1)

    def audio(self, clip_id: str) -> NDArray[np.float32]:  # noqa: ARG002
        return self._random.uniform(-0.1, 0.1, _num_samples(self._clip)).astype(np.float32)

    def num_frames(self, clip_id: str) -> int:  # noqa: ARG002
        return int(self._clip.duration_s * self._clip.frame_rate_hz)

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:  # noqa: ARG002
        side = self._clip.frame_side_px
        return [self._random.integers(0, 255, (side, side * 4 // 3, 3), dtype=np.uint8) for _ in indices]


def _num_samples(clip: Clip) -> int:
    return round(clip.duration_s * clip.sample_rate_hz)


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def preset(request: pytest.FixtureRequest) -> Params:
    return read(request.param)


def _noise_windows(model: Model, clip: Clip) -> MotionWindows | None:
    """Motion of the same noise everywhere, as a model wants it."""
    if isinstance(model, Pixels):
        return None
    values = torch.randn(100, 1 if model.motion.input == "difference" else 2, 16, 24)
    return MotionWindows(
        model.motion, clip, lambda _: Field(values, (clip.frame_side_px / 16, clip.frame_side_px / 16))
    )


# That of "The Sound of Motions" takes minutes a step here: tests/infra/test_network_costs.py runs it without numbers.
_STEPPED = [(path, name) for path in FILES if path.stem != "paper-motions" for name in read(path).models]


@pytest.mark.parametrize(("path", "name"), _STEPPED, ids=lambda value: getattr(value, "stem", value))
def test_two_steps_change_every_network(path: Path, name: str) -> None:
    torch.set_num_threads(1)
    preset = read(path)
    noise = preset.models[name].appearance.model_copy(update={"weights": "none"})  # tests fetch nothing
    model, train = (
        preset.models[name].model_copy(update={"appearance": noise}),
        preset.train.model_copy(update={"batch_mixtures": 1}),
    )
    clips = [decoded(clip_id, num_samples=_num_samples(preset.clip)) for clip_id in ("0-0", "1-0")]
    separator = new_separator(preset.clip, preset.spectrogram, model, train, device=torch.device("cpu"))
    phase = train.curriculum[name][0]
    learner = Learner(separator, train, phase)
    batches = Batches(
        _NoiseMedia(preset.clip),
        Sampler(pool_of(clips, training_clips(clips, 2, sampling=train.sampling)), phase, train.seed),
        model.appearance,
        train,
        _noise_windows(model, preset.clip),
    )
    before = {name: value.clone() for name, value in separator.net.named_parameters()}
    losses = [learner.learn(batches.at(step), step) for step in range(2)]
    assert np.isfinite(losses).all()
    moved = {
        name.split(".")[0] for name, value in separator.net.named_parameters() if not torch.equal(before[name], value)
    }
    assert moved == {name for name, part in separator.net.named_children() if list(part.parameters())}


def test_no_spectrogram_is_padded_by_the_audio_network(preset: Params) -> None:
    frames = Stft(preset.spectrogram).num_frames(_num_samples(preset.clip))
    for model in preset.models.values():
        if isinstance(model, Pixels):
            over_time = over_rows = 2**model.audio.levels
        else:
            over_time, over_rows = prod(model.audio.time_strides), 2 ** len(model.audio.time_strides)
        assert preset.spectrogram.log_frequency_rows % over_rows == 0
        # the paper's own 193 frames fit no six halvings: the last step of its maps lies half beyond the clip
        assert frames % over_time == 0 or (frames, over_time) == (193, 64)


def test_the_paper_preset_is_the_papers() -> None:
    paper = read(ROOT / "presets/paper-music.yaml")
    stft, model = Stft(paper.spectrogram), paper.models["pixels"]
    assert _num_samples(paper.clip) == 65_535
    assert (stft.num_bins, stft.num_frames(65_535), paper.spectrogram.log_frequency_rows) == (512, 256, 256)
    assert isinstance(model, Pixels)
    assert (model.channels, model.audio.levels, model.appearance.crop_px, paper.train.batch_mixtures) == (
        32,
        7,
        224,
        80,
    )
