"""Every ready-made params file is valid and its model, at its real size, takes two steps on one mixture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.audio.stft import Stft
from stages.params import Clip, Params, read
from stages.training.batches import Batches, training_clips
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


def test_two_steps_change_every_network(preset: Params) -> None:
    torch.set_num_threads(1)
    model, train = preset.models["pixels"], preset.train.model_copy(update={"batch_mixtures": 1})
    clips = [decoded(name, num_samples=_num_samples(preset.clip)) for name in ("0-0", "1-0")]
    separator = new_separator(preset.clip, preset.spectrogram, model, train, device=torch.device("cpu"))
    learner = Learner(separator, train)
    batches = Batches(
        _NoiseMedia(preset.clip),
        training_clips(clips, train.num_sources, sampling=train.sampling),
        model.appearance,
        train,
    )
    before = {name: value.clone() for name, value in separator.net.named_parameters()}
    losses = [learner.learn(batches.at(step), step) for step in range(2)]
    assert np.isfinite(losses).all()
    moved = {
        name.split(".")[0] for name, value in separator.net.named_parameters() if not torch.equal(before[name], value)
    }
    assert moved == {"appearance", "audio", "synthesizer"}


def test_no_spectrogram_is_padded_by_the_audio_network(preset: Params) -> None:
    frames = Stft(preset.spectrogram).num_frames(_num_samples(preset.clip))
    stride = 2 ** preset.models["pixels"].audio.levels
    assert (frames % stride, preset.spectrogram.log_frequency_rows % stride) == (0, 0)


def test_the_paper_preset_is_the_papers() -> None:
    paper = read(ROOT / "presets/paper-music.yaml")
    stft, model = Stft(paper.spectrogram), paper.models["pixels"]
    assert _num_samples(paper.clip) == 65_535
    assert (stft.num_bins, stft.num_frames(65_535), paper.spectrogram.log_frequency_rows) == (512, 256, 256)
    assert (model.channels, model.audio.levels, model.appearance.crop_px, paper.train.batch_mixtures) == (
        32,
        7,
        224,
        80,
    )
