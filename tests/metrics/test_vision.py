from typing import Any

import torch

from stages.metrics.scores import group
from stages.metrics.vision import Vision
from stages.networks.frames import to_input
from stages.networks.separation import Separator
from stages.networks.separator import PixelsSeparator
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, MemoryMedia, picture, waveform
from tests.synth.signals import mix_rows

READER: Any = MemoryMedia()


def test_each_source_sees_its_own_frames_and_as_a_control_its_neighbours() -> None:
    torch.manual_seed(1)
    separator = Separator(PixelsSeparator(MODEL), MODEL, CLIP, SPECTROGRAM, "binary")
    (mix,) = group(mix_rows("m", ["0-1", "1-1", "2-1"]), "test")
    sources = torch.stack([torch.from_numpy(waveform(kind, 1)) for kind in range(3)])
    estimates = Vision("pixels", separator, READER, mask="soft")(mix, sources)
    assert list(estimates) == ["pixels", "pixels:swapped_vision"]

    def alone(kind: int) -> torch.Tensor:
        frames = to_input([picture(kind, 1)], MODEL.appearance.crop_px, generator=None)
        return separator.separate(sources.mean(0)[None], frames[None, None], mask="soft")[0, 0]

    for source in range(3):
        torch.testing.assert_close(estimates["pixels"][source], alone(source), rtol=0, atol=1e-5)
        neighbour = alone((source - 1) % 3)
        torch.testing.assert_close(estimates["pixels:swapped_vision"][source], neighbour, rtol=0, atol=1e-5)
    assert not torch.allclose(alone(0), alone(1), atol=1e-5)
